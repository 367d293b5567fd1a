package cli

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/airbyte"
	"github.com/tap-greenhouse/tap-greenhouse/tap/config"
)

// documentationURL is where the platform sends people.
const documentationURL = "https://github.com/tap-greenhouse/tap-greenhouse"

func (p *program) spec() (int, error) {
	schema, err := connectionSpecification()
	if err != nil {
		return exitIncomplete, err
	}
	_, err = p.Out.Write(airbyte.AppendSpec(nil, schema, documentationURL))
	return exitCode(err, false), err
}

// speakAirbyte sends the log to standard output, as LOG messages. What is returned takes the other
// messages.
func (p *program) speakAirbyte() *lineWriter {
	out := &lineWriter{w: p.Out}
	p.log = slog.New(&airbyteLog{out: out, level: logLevel()})
	return out
}

func (p *program) check(ctx context.Context, flags airbyteFlags) (int, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, checkPatience, tap.Errorf(tap.Network, "checking", "no answer came within %s", checkPatience).
		WithHint("check the network, a proxy, api_url and auth_url"))
	defer cancel()
	if f, ok := p.Out.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return p.checkForPerson(ctx, flags)
	}
	out := p.speakAirbyte()
	cfg, err := p.config(flags.Config)
	if err == nil {
		err = p.tryCredential(ctx, cfg, p.control(out, flags.Config))
	}
	if cause := context.Cause(ctx); tap.KindOf(cause) == tap.Interrupted {
		return exitCode(cause, false), cause
	}
	_, err = out.Write(airbyte.AppendStatus(nil, err))
	return exitCode(err, false), err
}

// checkForPerson is check for a person at a terminal: a sentence, and an exit code.
func (p *program) checkForPerson(ctx context.Context, flags airbyteFlags) (int, error) {
	cfg, err := p.config(flags.Config)
	if err == nil {
		err = p.tryCredential(ctx, cfg, nil)
	}
	if err != nil {
		return exitCode(err, false), err
	}
	_, err = fmt.Fprintf(p.Out, "The credential works.\n\nNext: tap-greenhouse scopes --probe --config %s shows what it may read.\n", flags.Config)
	return exitOK, err
}

// control returns what tells the platform of a new refresh token, with the config as it was passed.
func (p *program) control(out *lineWriter, file string) func(token string) {
	return func(token string) {
		data, err := os.ReadFile(file)
		if err == nil {
			data, err = config.WithToken(data, token)
		}
		if err == nil {
			_, err = out.Write(airbyte.AppendControl(nil, data))
		}
		if err != nil {
			p.log.Error("telling the platform of the new refresh token: " + err.Error())
		}
	}
}

// fatal tells of an error that ended the call as a whole.
func (p *program) fatal(out *lineWriter, err error) (int, error) {
	if _, werr := out.Write(airbyte.AppendError(nil, err)); werr != nil {
		return exitIncomplete, werr
	}
	return exitCode(err, false), nil
}

func (p *program) airbyteDiscover(ctx context.Context, flags airbyteFlags) (int, error) {
	out := p.speakAirbyte()
	cfg, err := p.config(flags.Config)
	if err != nil {
		return p.fatal(out, err)
	}
	streams, err := schemas.Load()
	if err != nil {
		return p.fatal(out, err)
	}
	client := clientOf(cfg, p, nil, p.control(out, flags.Config))
	defer client.Close()
	columns, err := p.columns(ctx, cfg, client)
	if err != nil {
		return p.fatal(out, err)
	}
	var discovered []airbyte.Discovered
	for _, s := range streams {
		shape, err := shapeOf(s, columns, cfg, airbyte.DeletedAt)
		if err != nil {
			return p.fatal(out, err)
		}
		discovered = append(discovered, airbyte.Discovered{Stream: s, Shape: shape})
	}
	_, err = out.Write(airbyte.AppendCatalog(nil, discovered))
	return exitCode(err, false), err
}

func (p *program) read(ctx context.Context, flags readFlags) (int, error) {
	out := p.speakAirbyte()
	cfg, err := p.config(flags.Config)
	if err == nil {
		err = cfg.CheckCredential()
	}
	if err != nil {
		return p.fatal(out, err)
	}
	job := &job{program: p, cfg: cfg, voice: &airbyte.Voice{}, failScope: true, report: flags.Report, acceptDeletes: flags.AcceptDeletes, rotated: p.control(out, flags.Config)}
	job.fatal = func(err error) {
		if _, werr := out.Write(airbyte.AppendError(nil, err)); werr != nil {
			p.log.Error(werr.Error())
		}
	}
	defer job.close()
	if err := job.prepare(ctx, flags.Catalog, airbyte.ParseCatalog, flags.State, airbyte.ParseState); err != nil {
		return p.fatal(out, err)
	}
	return job.run(ctx, out)
}

// airbyteLog is the handler of a log whose lines are LOG messages.
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
