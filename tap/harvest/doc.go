// Package harvest reads lists of the Greenhouse Harvest API, version 3: it signs in, keeps to the
// budget of requests, asks again where that helps, and hands out one whole page of raw bytes at a
// time.
//
// It knows nothing of the protocols in which pages are passed on, and nothing of what their records
// mean. The facts of the API that it rests on are those of Greenhouse's published reference,
// https://harvestdocs.greenhouse.io.
package harvest
