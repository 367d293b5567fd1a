package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/tap-greenhouse/tap-greenhouse/schemas"
)

const real = "../../schemas"

func write(t *testing.T, folder string, files ...*file) {
	t.Helper()
	for _, f := range files {
		text, err := f.encode()
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(folder, f.Stream+".json"), text, 0o600))
	}
}

// follow runs the command on a folder and returns its output.
func follow(t *testing.T, document, folder string) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, run(document, folder, &out))
	return out.String()
}

// forget removes what the document knows from a column.
func forget(columns ordered[column]) {
	for i := range columns {
		c := &columns[i].value
		c.Type, c.Format = nil, ""
		c.Description, _, _ = strings.Cut(c.Description, knownValues)
		c.Description = strings.TrimSpace(c.Description)
		if c.Items != nil {
			inner := ordered[column]{{"", *c.Items}}
			forget(inner)
			*c.Items = inner[0].value
		}
		forget(c.Properties)
	}
}

// TestFactsRestoreTheFiles removes everything that the table of facts has from the stream files,
// and lets the command restore it.
func TestFactsRestoreTheFiles(t *testing.T) {
	files, err := readFiles(real)
	require.NoError(t, err)
	lists, err := schemas.Lists()
	require.NoError(t, err)
	require.Len(t, files, len(lists))
	for _, f := range files {
		f.Scope, f.Bookmark, f.Filters = "", "", nil
		forget(f.Schema.Properties)
	}
	folder := t.TempDir()
	write(t, folder, files...)

	follow(t, "testdata/endpoints.json", folder)
	for _, f := range files {
		want, err := os.ReadFile(filepath.Join(real, f.Stream+".json"))
		require.NoError(t, err)
		got, err := os.ReadFile(filepath.Join(folder, f.Stream+".json"))
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got), f.Stream)
	}
	assert.Equal(t, "The stream files are up to date.\n",
		follow(t, "testdata/endpoints.json", folder))
}

const roomsBefore = `{
  "stream": "rooms",
  "description": "Rooms where people meet.",
  "group": "Offices",
  "path": "/v3/rooms",
  "scope": "harvest:rooms:list",
  "params": {
    "kind": "all"
  },
  "key": [
    "id"
  ],
  "bookmark": "updated_at",
  "references": {
    "owner_id": "users"
  },
  "personal_data": {
    "name": "free_text"
  },
  "filters": {
    "office_ids": {
      "type": "ids"
    },
    "owner_ids": {
      "type": "ids"
    }
  },
  "schema": {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
      "name": {
        "description": "What people call it.",
        "type": ["string", "null"]
      },
      "id": {
        "type": "integer"
      },
      "seats": {
        "type": ["integer", "null"]
      },
      "owner_id": {
        "type": ["integer", "null"]
      },
      "kind": {
        "description": "How large it is. Known values: small, large.",
        "type": ["string", "null"]
      },
      "address": {
        "type": ["object", "null"],
        "properties": {
          "street": {
            "description": "With its number.",
            "type": ["string", "null"]
          }
        }
      }
    }
  }
}
`

const roomsAfter = `{
  "stream": "rooms",
  "description": "Rooms where people meet.",
  "group": "Offices",
  "path": "/v3/rooms",
  "scope": "harvest:rooms:list",
  "params": {"kind": "all"},
  "key": ["id"],
  "bookmark": "updated_at",
  "personal_data": {"name": "free_text"},
  "filters": {
    "office_ids": {"type": "ids"},
    "kind": {"type": "string", "enum": ["small", "large"]},
    "booked_at": {"type": "time"}
  },
  "schema": {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
      "name": {"description": "What people call it.", "type": ["string", "null"]},
      "id": {"type": "integer"},
      "seats": {"type": ["number", "null"]},
      "kind": {"description": "How large it is. Known values: small, large, huge.", "type": ["string", "null"]},
      "address": {"type": ["object", "null"], "properties": {
        "street": {"description": "With its number.", "type": ["string", "null"]},
        "floor": {"type": ["integer", "string", "null"]}
      }},
      "updated_at": {"type": ["string", "null"], "format": "date-time"},
      "tags": {"type": ["array", "null"], "items": {"type": ["object", "null"], "properties": {"name": {"type": ["string", "null"]}}}},
      "extras": {"type": ["object", "null"]}
    }
  }
}`

const chairs = `{
  "stream": "chairs", "description": "To be described.", "group": "Rooms", "path": "/v3/chairs", "scope": "harvest:chairs:list", "key": ["id"],
  "schema": {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {"id": {"type": "integer"}, "room_id": {"type": ["integer", "null"]}}
  }
}`

func TestOpenAPIDocument(t *testing.T) {
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "rooms.json"), []byte(roomsBefore),
		0o600))
	write(t, folder, &file{Stream: "tables", Path: "/v3/tables"})

	assert.Equal(t, `| Stream | Column or filter | Change | Before | Now |
| --- | --- | --- | --- | --- |
| chairs |  | new list |  | 2 columns; describe it, and name references and personal data |
| rooms | seats | changed type | integer or null | number or null |
| rooms | owner_id | gone | integer or null |  |
| rooms | kind | changed values | small, large | small, large, huge |
| rooms | address/floor | new column |  | integer or string or null |
| rooms | updated_at | new column |  | string or null date-time |
| rooms | tags | new column |  | array or null |
| rooms | extras | new column |  | object or null |
| rooms | kind | new filter |  | string |
| rooms | booked_at | new filter |  | time |
| rooms | owner_ids | gone filter | ids |  |
| tables |  | gone | /v3/tables |  |
`, follow(t, "testdata/openapi.yaml", folder))

	for name, want := range map[string]string{"rooms": roomsAfter, "chairs": chairs} {
		got, err := os.ReadFile(filepath.Join(folder, name+".json"))
		require.NoError(t, err)
		assert.JSONEq(t, want, string(got))
	}
	assert.NoFileExists(t, filepath.Join(folder, "tables.json"))
	assert.Equal(t, "The stream files are up to date.\n",
		follow(t, "testdata/openapi.yaml", folder), "a second time there is nothing to do")
}

func TestInvalidDocuments(t *testing.T) {
	for name, text := range map[string]string{"no list": `{"openapi":"3.0.3","info":{"title":"x","version":"1"},"paths":{}}`, "no OpenAPI": `{"a":1}`, "no JSON": `{`, "no facts": `[{"stream":1}]`} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "d")
			require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
			folder := t.TempDir()
			write(t, folder, &file{Stream: "tables", Path: "/v3/tables"})
			require.Error(t, run(path, folder, &bytes.Buffer{}))
			assert.FileExists(t, filepath.Join(folder, "tables.json"))
		})
	}
}
