package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// benchParts are the processes that benchGateway measures.
type benchParts struct {
	dir    string
	addrs  map[string]string // by side
	key    string            // of the gateway
	server *exec.Cmd
	idle   float64 // the server's memory after its start
	cmds   []*exec.Cmd
}

func startBenchParts(ctx context.Context, a *app) (*benchParts, error) {
	dir, err := os.MkdirTemp("", "stylesprint-bench-")
	if err != nil {
		return nil, err
	}
	p := &benchParts{dir: dir, addrs: map[string]string{}}
	if err := p.start(ctx); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

func (p *benchParts) start(ctx context.Context) error {
	for _, part := range []struct {
		side string
		args []string
	}{{"direct", []string{"mock"}}, {"paced direct", []string{"paced-mock"}}, {"proxy", []string{"proxy", ""}}} {
		if part.side == "proxy" {
			part.args[1] = p.addrs["direct"]
		}
		cmd := p.command(ctx, append([]string{"bench", "gateway"}, part.args...)...)
		out, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := p.run(cmd); err != nil {
			return err
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			return fmt.Errorf("start %s: %w", part.side, err)
		}
		p.addrs[part.side] = strings.TrimSpace(line)
	}
	return p.serve(ctx)
}

// serve starts the server as a user would: with keys, limits, request log and metrics.
func (p *benchParts) serve(ctx context.Context) error {
	file := filepath.Join(p.dir, "stylesprint.yaml")
	text := fmt.Sprintf("addr: 127.0.0.1:0\nmax_in_flight: 4096\nno_jobs: true\nmodels:\n  - {name: mock, provider: openai, model: mock, base_url: \"http://%s/v1\", price: {input_per_million: 0.15, output_per_million: 0.6}}\n"+
		"  - {name: paced, provider: openai, model: mock, base_url: \"http://%s/v1\"}\n", p.addrs["direct"], p.addrs["paced direct"])
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	create := p.command(ctx, "keys", "create", "--name", "bench", "--scope", "generate", "--requests-per-minute", "100000000", "--tokens-per-minute", "1000000000000", "--json")
	out, err := create.Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			err = fmt.Errorf("%w: %s", err, exit.Stderr)
		}
		return fmt.Errorf("create a key: %w", err)
	}
	var made struct {
		Key string `json:"key"`
	}
	if err := json.Unmarshal(out, &made); err != nil {
		return fmt.Errorf("create a key: %w", err)
	}
	p.key = made.Key
	log, err := os.OpenFile(filepath.Join(p.dir, "log"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	p.server = p.command(ctx, "serve", "--config", file)
	p.server.Stderr = log
	if err := p.run(p.server); err != nil {
		return err
	}
	if p.addrs["gateway"], err = listening(ctx, log.Name()); err != nil {
		return err
	}
	p.addrs["paced gateway"] = p.addrs["gateway"]
	time.Sleep(2 * time.Second)
	p.idle = p.resident()
	return nil
}

// listening waits for the address in a server's log.
func listening(ctx context.Context, log string) (string, error) {
	for range 200 {
		b, err := os.ReadFile(log)
		if err != nil {
			return "", err
		}
		for line := range bytes.Lines(b) {
			var entry struct{ Msg, Addr string }
			if json.Unmarshal(line, &entry) == nil && entry.Msg == "listening" {
				return entry.Addr, nil
			}
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	b, _ := os.ReadFile(log)
	return "", fmt.Errorf("the server did not start: %s", b)
}

// command is this program with a data folder of its own.
func (p *benchParts) command(ctx context.Context, args ...string) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+p.dir, "STYLESPRINT_CONFIG=", "DATABASE_URL=", "OPENAI_API_KEY=")
	return cmd
}

func (p *benchParts) run(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	p.cmds = append(p.cmds, cmd)
	return nil
}

func (p *benchParts) stop() {
	for _, c := range p.cmds {
		_ = c.Process.Signal(os.Interrupt) // it may have ended
	}
	for _, c := range p.cmds {
		_ = c.Wait() // how they end does not matter any more
	}
	_ = os.RemoveAll(p.dir)
}

// resident is the server's resident memory in bytes, or 0 where it cannot be read.
func (p *benchParts) resident() float64 { return residentOf(fmt.Sprint(p.server.Process.Pid)) }
