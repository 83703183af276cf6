package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCurrent fails when the generated files differ from what this program writes; go generate in the kernel folder renews them.
func TestCurrent(t *testing.T) {
	t.Parallel()
	want := files()
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil || string(got) != text {
			t.Errorf("%s is not current (%v): run go generate in its folder", name, err)
		}
	}
	found, err := filepath.Glob("../*_gen_amd64.*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if _, ok := want[filepath.Base(f)]; !ok {
			t.Errorf("%s is written by nobody", f)
		}
	}
}

// TestEncoding checks the hand-made encodings against bytes worked out by hand from the manual's tables.
func TestEncoding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ got, want string }{
		// VDPBF16PS zmm0, zmm1, zmm2: 62 F2 76 48 52 C2
		{evex(2, 0x52, 0, 1, 2), "LONG $0x4876f262; BYTE $0x52; BYTE $0xc2"},
		// VDPBF16PS zmm23, zmm31, zmm25: 62 82 06 40 52 F9
		{evex(2, 0x52, 23, 31, 25), "LONG $0x40068262; BYTE $0x52; BYTE $0xf9"},
		// VCVTNEPS2BF16 ymm1, zmm3: 62 F2 7E 48 72 CB
		{evex(2, 0x72, 1, -1, 3), "LONG $0x487ef262; BYTE $0x72; BYTE $0xcb"},
	} {
		if !strings.EqualFold(c.got, c.want) {
			t.Errorf("encoded as %s, want %s", c.got, c.want)
		}
	}
}

func TestRunWritesAllFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := run([]string{"-dir", dir}, os.Stderr); err != nil {
		t.Fatal(err)
	}
	for name := range files() {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	if err := run([]string{"-dir", filepath.Join(dir, "absent")}, os.Stderr); err == nil {
		t.Error("a folder that does not exist must be an error")
	}
}
