package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/airbyte"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
	"github.com/tap-greenhouse/tap-greenhouse/tap/greenhouse"
)

// documentationURL is the link in the platform's user interface.
const documentationURL = "https://github.com/tap-greenhouse/tap-greenhouse"

func (p *program) spec() error {
	schema, err := connectionSpecification()
	if err != nil {
		return err
	}
	_, err = p.Out.Write(airbyte.AppendSpec(nil, schema, documentationURL))
	return err
}

// speakAirbyte sends the log to standard output as LOG messages. It returns the writer for other
// messages.
func (p *program) speakAirbyte() *lineWriter {
	out := &lineWriter{w: p.Out}
	p.log = slog.New(&airbyteLog{out: out, level: p.level})
	return out
}

func (p *program) check(ctx context.Context, flags airbyteFlags) error {
	ctx, cancel := context.WithTimeoutCause(ctx, greenhouse.CheckPatience,
		tap.Errorf(tap.Network, "checking", "no answer came within %s", greenhouse.CheckPatience).
			WithHint("check the network, the proxy, api_url and auth_url"))
	defer cancel()
	if isTerminal(p.Out) {
		return p.checkForPerson(ctx, flags)
	}
	out := p.speakAirbyte()
	cfg, err := p.config(flags.Config)
	if err == nil {
		var who tap.Identity
		if who, err = p.try(ctx, cfg, p.control(out, cfg)); err == nil {
			p.log.Info("the credential works", "as", who.String())
		}
	}
	if cause := context.Cause(ctx); tap.KindOf(cause) == tap.Interrupted {
		return cause
	}
	_, err = out.Write(airbyte.AppendStatus(nil, err))
	return err
}

// checkForPerson is check in a terminal: a sentence, and an exit code.
func (p *program) checkForPerson(ctx context.Context, flags airbyteFlags) error {
	cfg, err := p.config(flags.Config)
	var who tap.Identity
	if err == nil {
		who, err = p.try(ctx, cfg, nil)
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.Out, "The credential works%s.\n\nNext: tap-greenhouse scopes --config %s shows what it can read.\n",
		as(who), flags.Config)
	return err
}

// try tries the credential of a config, and returns whom the API takes it for.
func (p *program) try(
	ctx context.Context, cfg *config.Config, keepToken func(string) error,
) (tap.Identity, error) {
	account := p.open(cfg, keepToken)
	defer account.Close()
	err := account.Check(ctx)
	return account.Identity(), err
}

// as continues a sentence about a credential; empty if nothing is known.
func as(who tap.Identity) string {
	if who == (tap.Identity{}) {
		return ""
	}
	return ": " + who.String()
}

// control returns the function that saves a new refresh token: it sends the platform the config as
// it was passed, with the token. If possible it also rewrites the file, for the next call in this
// container.
func (p *program) control(out *lineWriter, cfg *config.Config) func(token string) error {
	if cfg.File == "" {
		return nil // there is no config that the platform could save
	}
	file := cfg.File
	return func(token string) error {
		_ = config.RewriteToken(file, token) // a mounted file may be read-only
		data, err := os.ReadFile(file)
		if err == nil {
			data, err = config.WithToken(data, token)
		}
		if err == nil {
			_, err = out.Write(airbyte.AppendControl(nil, data))
		}
		if err != nil {
			p.log.Error("sending the new refresh token to the platform: " + err.Error())
		}
		return nil
	}
}

// fatal reports an error that ended the whole call.
func (p *program) fatal(out *lineWriter, err error) error {
	if _, werr := out.Write(airbyte.AppendError(nil, err)); werr != nil {
		return werr
	}
	return reported(err)
}

func (p *program) airbyteDiscover(ctx context.Context, flags airbyteFlags) error {
	out := p.speakAirbyte()
	cfg, err := p.config(flags.Config)
	if err != nil {
		return p.fatal(out, err)
	}
	tuneGC(catalogGC)
	account := p.open(cfg, p.control(out, cfg))
	defer account.Close()
	catalog, err := account.Discover(ctx, greenhouse.Airbyte, false)
	if err != nil {
		return p.fatal(out, err)
	}
	_, err = out.Write(catalog)
	return err
}

func (p *program) read(ctx context.Context, flags readFlags) error {
	out := p.speakAirbyte()
	if err := flags.check(); err != nil {
		return p.fatal(out, err)
	}
	account, run, err := p.prepareRead(ctx, flags, out)
	if err != nil {
		p.reportFailure(flags.reportFlags, greenhouse.Airbyte, err)
		return p.fatal(out, err)
	}
	defer account.Close()
	to := toStdout(out)
	to.fatal = func(err error) {
		if _, werr := out.Write(airbyte.AppendError(nil, err)); werr != nil {
			p.log.Error(werr.Error())
		}
	}
	return p.run(ctx, run, to, flags.reportFlags)
}

// prepareRead reads config, catalog and state. The caller closes the account.
func (p *program) prepareRead(ctx context.Context, flags readFlags, out *lineWriter,
) (*greenhouse.Account, *greenhouse.Run, error) {
	cfg, err := p.runConfig(flags.Config)
	if err != nil {
		return nil, nil, err
	}
	read, err := p.readOf(cfg, inputs{flags.Catalog, flags.State, flags.Contract})
	if err != nil {
		return nil, nil, err
	}
	flags.apply(&read)
	read.Protocol = greenhouse.Airbyte
	return p.prepare(ctx, cfg, read, p.control(out, cfg))
}

// airbyteLog is a log handler that writes LOG messages.
type airbyteLog struct {
	out   *lineWriter
	level slog.Level
	attrs []slog.Attr
}

func (h *airbyteLog) Enabled(_ context.Context, level slog.Level) bool { return level >= h.level }

func (h *airbyteLog) Handle(_ context.Context, r slog.Record) error {
	var text strings.Builder
	text.WriteString(r.Message)
	add := func(a slog.Attr) bool {
		fmt.Fprintf(&text, " %s=%v", a.Key, a.Value)
		return true
	}
	for _, a := range h.attrs {
		add(a)
	}
	r.Attrs(add)
	level := r.Level.String()
	_, err := h.out.Write(airbyte.AppendLog(nil, level, text.String()))
	return err
}

func (h *airbyteLog) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &airbyteLog{out: h.out, level: h.level, attrs: append(attrs, h.attrs...)}
}

func (h *airbyteLog) WithGroup(string) slog.Handler { return h }
