package main

import "github.com/spf13/cobra"

// commands lists the subcommands, in the order in which help shows groups.
func (a *app) commands() []*cobra.Command {
	return []*cobra.Command{
		a.demoCommand(),
		a.serveCommand(),
		a.workerCommand(),
		a.generateCommand(),
		a.answerCommand(),
		a.modelsCommand(),
		a.scoreCommand(),
		a.evalCommand(),
		a.reviewCommand(),
		a.promptCommand(),
		a.keysCommand(),
		a.feedbackCommand(),
		a.releaseCommand(),
		a.benchCommand(),
		a.versionCommand(),
	}
}
