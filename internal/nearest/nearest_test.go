package nearest_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/tap-greenhouse/tap-greenhouse/internal/nearest"
)

func TestNameThatWasPerhapsMeant(t *testing.T) {
	names := []string{"candidates", "candidate_tags", "jobs", "job_posts", "user_id", "api_key"}
	for word, want := range map[string]string{
		"candidate": "candidates", "canddiates": "candidates", "Candidates": "candidates",
		"candidate-tags": "candidate_tags", "job": "jobs", "jobs": "jobs", "posts": "job_posts",
		"userid": "user_id", "user_di": "user_id", "apikey": "api_key", "": "", "x": "",
		"start_date": "", "scorecards": "",
	} {
		assert.Equal(t, want, nearest.Name(word, names), word)
	}
	assert.Equal(t, `, did you mean "jobs"?`, nearest.Hint("jbos", names))
	assert.Empty(t, nearest.Hint("something else", names))
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "ab", 2}, {"privacy", "privcy", 1}, {"pirvacy", "privacy", 1}, {"abc", "xyz", 3}} {
		assert.Equal(t, c.want, nearest.Distance(c.a, c.b), "%s %s", c.a, c.b)
		assert.Equal(t, c.want, nearest.Distance(c.b, c.a), "%s %s", c.b, c.a)
	}
}
