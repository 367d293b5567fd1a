// Package harvest reads lists of the Greenhouse Harvest API, version 3: it signs in, respects the
// request budget, retries, and returns one whole page of raw bytes at a time.
//
// It knows neither the protocols nor the meaning of records. Its facts about the API come from
// Greenhouse's published reference, https://harvestdocs.greenhouse.io.
package harvest
