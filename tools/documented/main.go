// Command documented runs the commands that the documents show and checks that
// the files they link to exist.
//
// Key words: block, command, link.
//
//	go run ./tools/documented README.md docs/guides/*.md
//
// Fenced blocks marked `sh` are run line by line by bash, those of one document in
// one empty folder, with the program freshly built on the PATH and the demo data
// at hand; a line that fails, or takes longer than five minutes, is a fault.
// Blocks marked `console` or anything else are shown only. Models come from the
// user's cache; data goes to a folder that is removed.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const limit = 5 * time.Minute

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, docs []string) error {
	if len(docs) == 0 {
		return errors.New("name the documents: go run ./tools/documented README.md")
	}
	work, err := os.MkdirTemp("", "documented-")
	if err != nil {
		return fmt.Errorf("create folder: %w", err)
	}
	defer os.RemoveAll(work)
	bin := filepath.Join(work, "bin")
	build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(bin, "stylesprint"), "./cmd/stylesprint")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("build the program: %w\n%s", err, out)
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	var faults []error
	ran := 0
	for _, doc := range docs {
		b, err := os.ReadFile(doc)
		if err != nil {
			return fmt.Errorf("read document: %w", err)
		}
		faults = append(faults, links(doc, string(b))...)
		dir := filepath.Join(work, strings.ReplaceAll(doc, "/", "_"))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		for _, line := range commands(string(b)) {
			fmt.Printf("%s: %s\n", doc, line)
			ran++
			if err := command(ctx, root, dir, bin, line); err != nil {
				faults = append(faults, fmt.Errorf("%s: %s: %w", doc, line, err))
			}
		}
	}
	if ran == 0 {
		faults = append(faults, errors.New("no command found in any document"))
	}
	fmt.Printf("%d commands run, %d faults\n", ran, len(faults))
	return errors.Join(faults...)
}

// commands returns the lines of the blocks marked sh, continued lines joined,
// comments and blanks left out.
func commands(doc string) []string {
	var out []string
	in, joined := false, ""
	for _, line := range strings.Split(doc, "\n") {
		trimmed := strings.TrimSpace(line)
		if strings.HasPrefix(trimmed, "```") {
			in = !in && trimmed == "```sh"
			continue
		}
		if !in || trimmed == "" || strings.HasPrefix(trimmed, "#") {
			continue
		}
		joined += trimmed
		if strings.HasSuffix(joined, "\\") {
			joined = strings.TrimSuffix(joined, "\\")
			continue
		}
		out = append(out, joined)
		joined = ""
	}
	return out
}

func command(ctx context.Context, root, dir, bin, line string) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", line)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "XDG_DATA_HOME="+filepath.Join(dir, "data"), "STYLESPRINT_SOURCE="+root)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return nil
}

func linkPattern() *regexp.Regexp { return regexp.MustCompile(`\]\(([^)#\s]+)[^)]*\)`) }

// links finds relative links whose file does not exist.
func links(doc, text string) []error {
	var faults []error
	for _, m := range linkPattern().FindAllStringSubmatch(text, -1) {
		if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
			continue
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(doc), m[1])); err != nil {
			faults = append(faults, fmt.Errorf("%s: link to %s: no such file", doc, m[1]))
		}
	}
	return faults
}
