package cli_test

import (
	"testing"

	"github.com/go-json-experiment/json"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/internal/e2e"
)

// formField is a property of Airbyte's form.
type formField struct {
	Title      string               `json:"title"`
	Type       string               `json:"type"`
	Group      string               `json:"group"`
	Order      int                  `json:"order"`
	AlwaysShow bool                 `json:"always_show"`
	Properties map[string]formField `json:"properties"`
	OneOf      []formField          `json:"oneOf"`
}

// formCard is a group of properties.
type formCard struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// Airbyte's form opens with the sign-in, has a card for each group, and nothing that cannot be
// filled in.
func TestAirbytesFormCanBeFilledIn(t *testing.T) {
	var message struct {
		Spec struct {
			Form struct {
				Required []string             `json:"required"`
				Groups   []formCard           `json:"groups"`
				Fields   map[string]formField `json:"properties"`
			} `json:"connectionSpecification"`
		} `json:"spec"`
	}
	require.NoError(t, json.Unmarshal([]byte(e2e.Run(t, "spec").Out), &message))
	form := message.Spec.Form
	assert.Empty(t, form.Required, "a config with client_id at its top is one, too")
	titles := map[string]string{}
	var order []string
	for _, g := range form.Groups {
		titles[g.ID] = g.Title
		order = append(order, g.Title)
	}
	assert.Equal(t, []string{
		"Sign-in", "What to read", "Personal data", "Deletes and files", "The rest",
	}, order)
	orders := map[int]string{}
	for name, f := range form.Fields {
		assert.NotEmpty(t, f.Title, name)
		assert.Contains(t, titles, f.Group, name)
		assert.Empty(t, orders[f.Order], "%s has the order of %s", name, orders[f.Order])
		orders[f.Order] = name
		if f.Type == "object" {
			assert.NotEmpty(t, len(f.Properties)+len(f.OneOf), "%s is an object that a form cannot fill in", name)
		}
		within := map[int]bool{}
		for member, m := range f.Properties {
			assert.NotEmpty(t, m.Title, "%s.%s", name, member)
			assert.False(t, within[m.Order], "%s.%s", name, member)
			within[m.Order] = true
		}
	}
	assert.Zero(t, form.Fields["credentials"].Order)
	for _, name := range []string{"credentials", "start_date", "custom_fields", "privacy", "deletes"} {
		assert.True(t, form.Fields[name].AlwaysShow, name)
	}
	for _, name := range []string{"streams", "refresh_every", "refresh_token_exec", "user_agent"} {
		assert.NotContains(t, form.Fields, name)
	}
}
