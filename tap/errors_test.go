package tap

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// An error is one line: what was being done, the cause, what to do.
func TestErrorIsOneLine(t *testing.T) {
	cause := errors.New("no such file")
	e := &Error{Kind: BadInput, Op: "reading c.json", Err: cause}
	assert.Equal(t, "reading c.json: no such file", e.Error())
	assert.Equal(t, "reading c.json failed: give another.", Sentence(e.WithHint("give %s", "another")))
	assert.Equal(t, "reading c.json: no such file (give another)", e.Error())
	assert.Equal(t, "no such file", (&Error{Err: cause}).Error())
	assert.Equal(t, "reading", (&Error{Op: "reading"}).Error())
	assert.Equal(t, "no such file", Sentence(cause))
	assert.Equal(t, "no such file (look)", Sentence(&Error{Err: cause, Hint: "look"}))
	assert.ErrorIs(t, e, cause)

	wrapped := fmt.Errorf("while starting: %w", e)
	assert.Equal(t, BadInput, KindOf(wrapped))
	assert.Equal(t, Fault, KindOf(cause))
	assert.Equal(t, Fault, KindOf(nil))
	assert.Equal(t, "no such file", Cause(wrapped))
	assert.Nil(t, ParamsOf(cause))
	e.Params = []string{"fields"}
	assert.Equal(t, []string{"fields"}, ParamsOf(wrapped))
	assert.Equal(t, "x: 1 of 2", Errorf(Scope, "x", "%d of %d", 1, 2).Error())

	rights := NoRights("reading list users", "user 7")
	assert.Equal(t, Rights, KindOf(rights))
	assert.Equal(t, "reading list users: user 7 is not a Site Admin, so lists are refused or empty (make that user a Site Admin in Greenhouse, or set user_id to one)",
		rights.Error())
}

// A catalog names each stream once; one that does not exist fails alone.
func TestChoices(t *testing.T) {
	var c Choices
	users := &Stream{Name: "users"}
	choose := func() (*Choice, error) { return &Choice{Stream: users}, nil }
	assert.ErrorContains(t, c.Add("", users, choose), "no name")
	assert.NoError(t, c.Add("users", users, choose))
	assert.ErrorContains(t, c.Add("users", users, choose), `"users" appears twice`)
	bad := func() (*Choice, error) { return nil, errors.New("odd") }
	assert.EqualError(t, c.Add("jobs", &Stream{Name: "jobs"}, bad), `stream "jobs": odd`)
	assert.NoError(t, c.Add("gone", nil, bad))
	assert.Len(t, c.List, 2)
	assert.Equal(t, "gone", c.List[1].Stream.Name)
	assert.Equal(t, []string{"id"}, c.List[1].Stream.Key)
	assert.Equal(t, Gone, KindOf(c.List[1].Err))
	assert.ErrorContains(t, c.List[1].Err, "refresh the catalog")
}

// Only the parameters that a request really has can be what the API refuses.
func TestParametersOfRequests(t *testing.T) {
	s := &Stream{Bookmark: "updated_at"}
	r := Request{Stream: s, Params: map[string]string{"status": "open"}}
	assert.True(t, r.Sends("status"))
	assert.False(t, r.Sends("updated_at"))
	assert.False(t, r.Sends("fields"))
	assert.True(t, Request{Stream: s, From: day(1)}.Sends("updated_at"))
	assert.True(t, Request{Stream: s, Before: day(1)}.Sends("updated_at"))
	assert.True(t, Request{Stream: s, Fields: []string{"id"}}.Sends("fields"))
	assert.False(t, Request{Stream: &Stream{}, From: day(1)}.Sends(""))
	assert.Equal(t, []int{500, 50}, []int{PageRows, MaxIDs}, "as the API's documentation says")
}
