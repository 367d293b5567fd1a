package custom_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/custom"
)

// pages is a source with one page of definitions, after which it fails.
type pages struct{ err error }

func (p pages) Read(_ context.Context, req tap.Request, take func(tap.Page) error) error {
	if req.Cursor != "" {
		return p.err
	}
	return take(tap.Page{
		Body: []byte(`[{"id":1,"field_type":"candidate","name_key":"a","name":"A","value_type":"short_text"}]`),
		Next: "2",
	})
}

// Half of the definitions are none, whatever the second half fails of; that the scope was taken
// away between two pages is no missing scope.
func TestHalfOfTheDefinitionsIsAnError(t *testing.T) {
	candidates, err := schemas.Load("candidates")
	require.NoError(t, err)
	for kind := tap.Fault; kind <= tap.Interrupted; kind++ {
		columns, err := custom.Read(t.Context(), pages{tap.Errorf(kind, "reading", "it failed")}, custom.Both)
		if err == nil {
			shape, serr := columns.Shape(candidates[0])
			require.NoError(t, serr)
			assert.Nil(t, shape.Column("custom_a"))
			_, err = columns.Err()
		}
		require.Error(t, err, kind)
		assert.NotEqual(t, tap.Scope, tap.KindOf(err), kind)
	}
}
