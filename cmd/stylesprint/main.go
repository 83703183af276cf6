// Command stylesprint carries a generative model through its life at a
// retailer: choose it, serve it, keep it running, make it better.
//
// Key words: command, world, exit code.
//
// main builds the world (arguments, environment, streams, clock) and calls run;
// there is one file for each subcommand, and this is the only package in which
// the rooms are joined. Exit codes: 0 done, 1 failed, 2 wrong usage, 100 a gate
// was not met. Errors end with a line "Try: ..." that names what helps.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, world{
		args:   os.Args[1:],
		getenv: os.Getenv,
		stdin:  os.Stdin,
		stdout: os.Stdout,
		stderr: os.Stderr,
		now:    time.Now,
	})
	stop()
	os.Exit(code)
}
