// Command gen writes the assembly of package kernel.
//
// Key words. A file is one generated source; an emitter collects its lines; a
// vector describes the registers of one instruction set.
//
// Run it with go generate in the kernel folder. Each kernel is written once for
// all the shapes and vector widths that need it: rows of a tile, 256 or 512 bits,
// with or without the dot-product instructions. Two instructions that Go's
// assembler lacks, VDPBF16PS and VCVTNEPS2BF16, are encoded here.
//
// Two conventions hold in every kernel: DI is the operand struct, whose layout is
// declared beside the Go stubs and checked by a test of package kernel, and no
// register is preserved.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	if err := run(os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

func run(args []string, stderr io.Writer) error {
	fs := flag.NewFlagSet("gen", flag.ContinueOnError)
	fs.SetOutput(stderr)
	dir := fs.String("dir", ".", "folder to write to")
	if err := fs.Parse(args); err != nil {
		return err
	}
	for name, text := range files() {
		if err := os.WriteFile(filepath.Join(*dir, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// files is everything that is generated, by name.
func files() map[string]string {
	return map[string]string{
		"convert_gen_amd64.s":   convertFile(),
		"cpu_gen_amd64.s":       cpuFile(),
		"dense_gen_amd64.s":     denseFile(),
		"quant_gen_amd64.s":     quantFile(),
		"transpose_gen_amd64.s": transposeFile(),
		"vector_gen_amd64.s":    vectorFile(),
		"vector_gen_amd64.go":   vectorStubs(),
	}
}
