package harvest

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
	"github.com/tap-greenhouse/tap-greenhouse/tap/web"
)

// Read requests a page; see [tap.Source].
func (c *Client) Read(ctx context.Context, req tap.Request, take func(tap.Page) error) error {
	fresh := 0 // new tokens that were refused when this request was the first to use them
	return c.retryingList(ctx, op(req), func() error {
		for {
			if err := c.attempt(ctx, req, take, &fresh); !errors.Is(err, errDeadToken) {
				return err
			}
		}
	})
}

// watchResends counts and logs what net/http sends again by itself: a request on an idle connection
// that the server closed.
func (c *Client) watchResends(ctx context.Context, stream string) context.Context {
	sent := 0
	return httptrace.WithClientTrace(ctx,
		&httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) {
			if sent++; sent > 1 {
				c.used.list(stream)
				c.budget.spend()
				c.log.Warn("trying again", "while", opOf(stream), "reason",
					"the connection was closed before the answer", "wait", "0s")
			}
		}})
}

func op(req tap.Request) string { return opOf(req.Stream.Name) }

func opOf(stream string) string { return "reading list " + stream }

// errDeadToken means that the token was refused and a new one should be tried.
var errDeadToken = errors.New("the token is dead")

func (c *Client) attempt(ctx context.Context, req tap.Request, take func(tap.Page) error,
	fresh *int,
) error {
	flight, err := c.budget.acquire(ctx)
	if err != nil {
		return err
	}
	release := sync.OnceFunc(func() { c.budget.release(flight) })
	defer release()
	t, first, err := c.auth.get(ctx)
	if err != nil {
		return err
	}
	tried := func() {}
	if first {
		tried = sync.OnceFunc(func() { close(t.tried) })
		defer tried()
	}
	get := &http.Request{Method: http.MethodGet, URL: c.listURL(req), Header: http.Header{}}
	get.Header.Set("Authorization", "Bearer "+t.value)
	c.used.list(req.Stream.Name)
	sent := time.Now()
	var took time.Duration
	arrived := func(answer *http.Response) {
		took = time.Since(sent)
		c.budget.learn(flight, answer)
		release()
		if answer.StatusCode != http.StatusUnauthorized {
			tried() // the others need not wait for the page
		}
	}
	return c.do(c.watchResends(ctx, req.Stream.Name), get, arrived,
		func(answer *http.Response, body []byte) error {
			if answer.StatusCode != http.StatusOK {
				refusal := c.refusal(get.URL, answer, body)
				if !again(refusal) || refusal.code == http.StatusTooManyRequests {
					c.health.answered(false)
				}
				if first && refusal.code == http.StatusUnauthorized {
					*fresh++
				}
				return c.explain(ctx, req, answer, refusal, t, *fresh)
			}
			next, err := c.next(get.URL, answer)
			if err != nil {
				return err
			}
			page := tap.Page{Body: body, Next: next, Asked: askedAt(answer, sent, took)}
			err = take(page)
			var malformed *record.MalformedError
			if errors.As(err, &malformed) {
				return &web.TemporaryError{Kind: tap.Server, Reason: malformed.Error()}
			}
			if err == nil {
				c.health.answered(true)
			}
			return err
		})
}

// explain turns an answer that is not a page into an error of a kind.
func (c *Client) explain(ctx context.Context, req tap.Request, answer *http.Response,
	refusal *statusError, t *token, fresh int,
) error {
	op := op(req)
	if refusal.code == http.StatusUnauthorized && !refusal.html {
		c.auth.refused(ctx, t)
		if c.health.mayLive(fresh) {
			return errDeadToken
		}
		e := tap.Errorf(tap.Refused, op, "a new token is refused as well: %s", refusal.Error()).
			WithHint("another program may be using this credential, and each new token ends the one before: give every program its own credential; otherwise check %s", c.opts.Credential.keys())
		if c.health.refused() {
			e.Kind = tap.Credentials
		}
		return e
	}
	after, given := web.RetryAfter(answer, time.Now())
	if again(refusal) {
		limited := refusal.code == http.StatusTooManyRequests
		return &web.TemporaryError{
			Kind: tap.Server, Reason: refusal.Error(), After: after, Limited: limited,
			OpenEnded: limited && !given && answer.Header.Get("X-RateLimit-Reset") == "",
		}
	}
	e := &tap.Error{Kind: tap.Refused, Op: op, Err: refusal}
	switch {
	case refusal.code == http.StatusForbidden:
		e.Kind, e.Hint = tap.Scope, c.opts.Credential.Forbidden(req.Stream.Scope)
	case req.Cursor != "":
		e.Kind = tap.CursorExpired
	case refusal.code == http.StatusUnprocessableEntity, refusal.code == http.StatusBadRequest:
		e.Kind, e.Params = tap.Unprocessable, refusal.params
	case refusal.code == http.StatusNotFound, refusal.code == http.StatusGone:
		e.Hint = "Greenhouse has removed this list: deselect the stream, and look for a newer version of tap-greenhouse"
	}
	return e
}

// refusedParams returns the parameters that a refusal names, in one of two forms:
// {"errors":["Invalid query params: a, b"]} and {"errors":[{"a":"must be …"}]}.
func refusedParams(body []byte) (names []string) {
	var refusal struct {
		Errors []jsontext.Value `json:"errors"`
	}
	if json.Unmarshal(body, &refusal, jsontext.AllowDuplicateNames(true)) != nil {
		return nil
	}
	for _, v := range refusal.Errors {
		var text string
		if json.Unmarshal(v, &text) != nil {
			names = slices.AppendSeq(names, maps.Keys(members(v)))
			continue
		}
		if about, list, ok := strings.Cut(text, ":"); ok &&
			strings.HasPrefix(strings.ToLower(about), "invalid query param") {
			names = slices.AppendSeq(names, strings.FieldsFuncSeq(list,
				func(r rune) bool { return strings.ContainsRune(" ,;\"'`.[]", r) }))
		}
	}
	slices.Sort(names)
	return names
}

// listURL returns the address of a page.
func (c *Client) listURL(req tap.Request) *url.URL {
	u := c.opts.APIURL.JoinPath(req.Stream.Path)
	q := url.Values{}
	if req.Cursor != "" {
		q.Set("cursor", req.Cursor) // it implies the rest, which the API refuses next to it
		u.RawQuery = q.Encode()
		return u
	}
	for name, value := range req.Params {
		q.Set(name, value)
	}
	if req.IDs != nil {
		ids := make([]string, len(req.IDs))
		for i, id := range req.IDs {
			ids[i] = strconv.FormatInt(id, 10)
		}
		q.Set("ids", strings.Join(ids, ","))
	}
	n := tap.PageRows
	if req.PerPage > 0 {
		n = req.PerPage
	}
	q.Set("per_page", strconv.Itoa(n))
	if len(req.Fields) > 0 {
		q.Set("fields", strings.Join(req.Fields, ","))
	}
	var bounds []string
	if !req.From.IsZero() {
		bounds = append(bounds, "gte|"+tap.FormatTime(req.From))
	}
	if !req.Before.IsZero() {
		// lte, although the bound is exclusive: others are known to send the pair gte and lte. A
		// row at exactly that time comes twice.
		bounds = append(bounds, "lte|"+tap.FormatTime(req.Before))
	}
	if len(bounds) > 0 && req.Stream.Bookmark != "" {
		q.Set(req.Stream.Bookmark, strings.Join(bounds, "|"))
	}
	u.RawQuery = q.Encode()
	return u
}

// next returns the cursor of the next page from the Link header. The link must lead to the origin
// of the request, although only its cursor is used.
func (c *Client) next(asked *url.URL, answer *http.Response) (string, error) {
	for _, header := range answer.Header.Values("Link") {
		for {
			// An address may contain commas, so links are separated by their brackets.
			_, rest, ok := strings.Cut(header, "<")
			if !ok {
				break
			}
			target, params, ok := strings.Cut(rest, ">")
			if !ok {
				break
			}
			header = params
			params, _, _ = strings.Cut(params, "<")
			if !isNext(params) {
				continue
			}
			u, err := asked.Parse(target)
			if err != nil {
				return "", badLink("has no valid address")
			}
			if origin(u) != origin(asked) {
				return "", &tap.Error{
					Kind: tap.Origin, Op: "reading " + asked.Path,
					Err:  &originError{from: asked, to: u},
					Hint: "nothing was sent there; set api_url to the final address",
				}
			}
			cursor := u.Query().Get("cursor")
			if cursor == "" {
				return "", badLink("has no cursor")
			}
			return cursor, nil
		}
	}
	return "", nil
}

func badLink(what string) error {
	return &web.TemporaryError{Kind: tap.Server, Reason: "the Link header " + what}
}

func isNext(params string) bool {
	for p := range strings.FieldsFuncSeq(params,
		func(r rune) bool { return r == ';' || r == ',' }) {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "rel") {
			continue
		}
		for rel := range strings.FieldsSeq(strings.Trim(value, `" `)) {
			if strings.EqualFold(rel, "next") {
				return true
			}
		}
	}
	return false
}

// askedAt returns a time by the server's clock that is not later than when the request arrived: the
// Date header, which is truncated to the second, less the time that the answer took.
func askedAt(answer *http.Response, sent time.Time, took time.Duration) time.Time {
	date, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return sent.UTC().Truncate(time.Second)
	}
	return date.Add(-took).UTC().Truncate(time.Millisecond)
}
