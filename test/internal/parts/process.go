package parts

import (
	"bytes"
	"os"
	"os/exec"
	"syscall"
	"time"

	"github.com/store-platform/store-platform/pkg/guard"
)

// Process is a program that runs.
type Process struct {
	*exec.Cmd
	// Log is the file that it writes to.
	Log string
	// from is where in it this process's own output begins.
	from  int64
	ended chan struct{}
}

// Whoever links this package may be started again to guard what it starts.
func init() { guard.Main() }

// Start runs a command with its output appended to a file. It ends with this process, however that ends, and a Ctrl-C
// reaches it by us and not a second time by the terminal.
func Start(log string, command *exec.Cmd) (*Process, error) {
	p := &Process{Cmd: command, Log: log, ended: make(chan struct{})}
	file, err := os.OpenFile(log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	before, err := file.Stat()
	if err != nil {
		return nil, err
	}
	p.from = before.Size()
	if command.Stdout == nil {
		command.Stdout = file
	}
	command.Stderr = file
	if err := guard.Join(command); err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = command.Wait()
		close(p.ended)
	}()
	return p, nil
}

// Ended is closed when the process is gone; its ProcessState then says how it ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Signal reaches the process, and nobody who has its number after it.
func (p *Process) Signal(signal syscall.Signal) {
	select {
	case <-p.ended:
	default:
		_ = p.Process.Signal(signal)
	}
}

// Stop ends the process, by force when it doesn't follow.
func (p *Process) Stop(signal syscall.Signal, patience time.Duration) {
	select {
	case <-p.ended:
		return
	default:
	}
	_ = p.Process.Signal(signal)
	select {
	case <-p.ended:
	case <-time.After(patience):
		_ = p.Process.Kill()
		<-p.ended
	}
}

// Tail is the end of what the process said; nothing of one before it that wrote to the same file.
func (p *Process) Tail() string {
	text, err := os.ReadFile(p.Log)
	if err != nil {
		return err.Error()
	}
	text = text[min(int(p.from), len(text)):]
	return string(bytes.TrimSpace(text[max(0, len(text)-2048):]))
}
