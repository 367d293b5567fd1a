// Package config is the user's config: its schema, files and environment, checks, and the rewriting
// of a refresh token. The tables of settings, Airbyte's form and the checks are made from the
// schema. It makes no request.
package config
