package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// asProgram makes the test binary be the program, for tests that kill it.
const asProgram = "STYLESPRINT_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	testscript.Main(m, map[string]func(){"stylesprint": main})
}

// TestScripts runs testdata/script/*.txtar, a file for each subcommand. Each
// script has its own HOME; TINY is the folder of the engine's small random models;
// [models] holds where STYLESPRINT_MODELS names a cache with the real models.
func TestScripts(t *testing.T) {
	models := os.Getenv("STYLESPRINT_MODELS")
	tiny, err := filepath.Abs("../../engine/testdata")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("XDG_DATA_HOME", filepath.Join(e.WorkDir, "data"))
			e.Setenv("HF_HUB_OFFLINE", "1")
			e.Setenv("TINY", tiny)
			if models != "" {
				e.Setenv("XDG_CACHE_HOME", filepath.Dir(models))
			}
			return nil
		},
		Condition: func(cond string) (bool, error) {
			return cond == "models" && models != "", nil
		},
	})
	if models == "" && strings.Contains(os.Getenv("STYLESPRINT_REQUIRE"), "models") {
		t.Error("STYLESPRINT_REQUIRE names models, but STYLESPRINT_MODELS is not set; run: make models")
	}
}
