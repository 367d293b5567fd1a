package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// askUser asks a person for the user to act for.
func (p *program) askUser(ctx context.Context, members map[string]string) error {
	for {
		user, err := p.ask(ctx, "Number of the Site Admin to act for (empty: the credential's own user): ")
		if err != nil {
			return err
		}
		if user = strings.TrimSpace(user); user == "" {
			delete(members, "user_id")
			return nil
		}
		if n, err := strconv.ParseInt(user, 10, 64); err == nil && n > 0 {
			members["user_id"] = user
			return nil
		}
		fmt.Fprintln(p.Err, "That is no number. It stands at the end of the address of the user's page.")
	}
}

// askCredential asks a person for a client ID and its secret. An empty answer keeps the client ID.
func (p *program) askCredential(ctx context.Context, members map[string]string) error {
	if again := members["client_secret"] != ""; again || members["client_id"] == "" {
		question := "Client ID: "
		if again {
			question = fmt.Sprintf("Client ID (empty: %s): ", members["client_id"])
		}
		id, err := p.ask(ctx, question)
		if err != nil {
			return err
		}
		if id = strings.TrimSpace(id); id != "" {
			members["client_id"] = id
		}
	}
	fmt.Fprint(p.Err, "Client secret (not shown): ")
	in := p.In.(*os.File)
	secret, err := p.answer(ctx, in, func() (string, error) {
		secret, err := term.ReadPassword(int(in.Fd()))
		if err != nil {
			err = tap.Errorf(tap.BadInput, "init", "the input ended: nothing was written")
		}
		return string(secret), err
	})
	fmt.Fprintln(p.Err)
	members["client_secret"] = strings.TrimSpace(secret)
	return err
}

// ask asks a person in a terminal a question.
func (p *program) ask(ctx context.Context, question string) (string, error) {
	fmt.Fprint(p.Err, question)
	in := p.In.(*os.File)
	return p.answer(ctx, in, func() (string, error) { return readLine(in) })
}

// answer waits for an answer or a signal. After a signal it restores the terminal, so that it
// echoes again.
func (p *program) answer(
	ctx context.Context, in *os.File, read func() (string, error),
) (string, error) {
	type answer struct {
		text string
		err  error
	}
	found, err := term.GetState(int(in.Fd()))
	if err != nil {
		return "", err
	}
	given := make(chan answer, 1)
	go func() {
		text, err := read() // after a signal it keeps waiting until the process ends
		given <- answer{text, err}
	}()
	select {
	case a := <-given:
		return a.text, a.err
	case <-ctx.Done():
		_ = term.Restore(int(in.Fd()), found)
		return "", context.Cause(ctx)
	}
}

// readLine reads a line and not a byte more: what was pasted after it is the next answer, which may
// be a secret.
func readLine(in io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); ; {
		n, err := in.Read(b)
		if n == 1 && b[0] == '\n' {
			return string(line), nil
		}
		line = append(line, b[:n]...)
		if err != nil {
			return "", tap.Errorf(tap.BadInput, "init", "the input ended: nothing was written")
		}
	}
}
