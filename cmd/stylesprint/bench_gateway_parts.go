package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
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

// serve starts two servers over one data folder: with keys, limits, request log and metrics;
// and with all that there is by default.
func (p *benchParts) serve(ctx context.Context) error {
	file := filepath.Join(p.dir, "stylesprint.yaml")
	full := filepath.Join(p.dir, "default.yaml")
	text := fmt.Sprintf("addr: 127.0.0.1:0\nmax_in_flight: 4096\nno_jobs: true\nmodels:\n  - {name: mock, provider: openai, model: mock, base_url: \"http://%s/v1\", price: {input_per_million: 0.15, output_per_million: 0.6}}\n"+
		"  - {name: paced, provider: openai, model: mock, base_url: \"http://%s/v1\"}\n", p.addrs["direct"], p.addrs["paced direct"])
	if err := errors.Join(os.WriteFile(full, []byte(text), 0o600), os.WriteFile(file, []byte(text+"safety: {policy: \"off\"}\n"), 0o600)); err != nil {
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
	if _, err := p.listen(ctx, byDefault, "serve", "--config", full); err != nil {
		return err
	}
	if p.server, err = p.listen(ctx, "gateway", "serve", "--quiet", "--config", file); err != nil {
		return err
	}
	p.addrs["paced gateway"] = p.addrs["gateway"]
	time.Sleep(2 * time.Second)
	p.idle = p.resident()
	return nil
}

// byDefault is the side with all that a server has without settings: the content policy, and a
// line in its log for each request, beside keys, limits, request log and metrics.
const byDefault = "gateway as by default"

// listen starts a server and waits until it answers.
func (p *benchParts) listen(ctx context.Context, side string, args ...string) (*exec.Cmd, error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p.addrs[side] = free.Addr().String()
	if err := free.Close(); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(filepath.Join(p.dir, side+".log"), os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := p.command(ctx, append(args, "--addr", p.addrs[side])...)
	cmd.Stderr = log
	if err := p.run(cmd); err != nil {
		return nil, err
	}
	return cmd, answering(ctx, p.addrs[side], log.Name())
}

// answering waits for a server; one that does not come has said why in its log.
func answering(ctx context.Context, addr, log string) error {
	for range 200 {
		if resp, err := http.Get("http://" + addr + "/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	b, err := os.ReadFile(log)
	return errors.Join(fmt.Errorf("the server did not start: %s", b), err)
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
