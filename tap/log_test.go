package tap_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
)

// statusError stands for an answer, whose text is not to be trusted.
type statusError struct{}

func (statusError) Error() string { return "500: Jane Doe" }
func (statusError) Plain() string { return "500" }

func TestPlainHoldsNothingThatOthersSaid(t *testing.T) {
	at := func(kind tap.Kind, op string, cause error) error {
		return &tap.Error{Kind: kind, Op: op, Err: cause, Hint: "ask Jane Doe"}
	}
	for want, err := range map[string]error{
		"an error of the program":                            errors.New("Jane Doe"),
		"reading list users: the server failed":              at(tap.Server, "reading list users", errors.New("Jane Doe")),
		"reading list users: the server failed (500)":        at(tap.Server, "reading list users", statusError{}),
		"reading list jobs: a parameter was refused":         at(tap.Unprocessable, "", at(tap.Server, "reading list jobs", errors.New("Jane Doe"))),
		"reading list tags: the network failed":              fmt.Errorf("Jane Doe: %w", at(tap.Network, "reading list tags", nil)),
		"stopped: the run was stopped":                       tap.Errorf(tap.Interrupted, "stopped", "Jane Doe"),
		"reading list pages: the run was stopped (500)":      at(tap.Interrupted, "", fmt.Errorf("Jane Doe: %w", at(tap.Server, "reading list pages", statusError{}))),
		"the scope is missing, or the user is no Site Admin": at(tap.Scope, "", errors.New("Jane Doe")),
	} {
		assert.Equal(t, want, tap.Plain(err))
	}
	for kind := tap.Fault; kind <= tap.Interrupted; kind++ {
		assert.NotEmpty(t, tap.Plain(&tap.Error{Kind: kind}), "kind %d has words", kind)
	}
}

func TestLogTellsNewColumnsFromChangedOnes(t *testing.T) {
	r := tap.StreamReport{
		Stream: "users", Status: tap.Complete, Changes: []string{"a", "b"}, New: []string{"b"},
		Err: errors.New("forgotten"), VerifiedUntil: time.Unix(0, 0), VerifiedSum: "9",
	}
	row := r.LogOf("run", "1", tap.Organization{ID: "7"}, time.Unix(1, 0), nil)
	assert.Equal(t, "run:users", row.ID)
	assert.Equal(t, []string{"b"}, row.NewColumns)
	assert.Equal(t, []string{"a"}, row.ChangedColumns)
	assert.Nil(t, row.DroppedColumns)
	assert.Nil(t, row.Reason, "it is complete")
	assert.Nil(t, row.OrganizationName)
	assert.Equal(t, "1970-01-01T00:00:01.000Z", *row.EndedAt)
	assert.Equal(t, "9", *row.VerifiedSum)

	r.Status, r.Err = tap.Unfinished, nil
	row = r.LogOf("run", "1", tap.Organization{}, time.Unix(1, 0), tap.Errorf(tap.Interrupted, "stopped", "x"))
	assert.Equal(t, "stopped: the run was stopped", *row.Reason)
}
