// Package tap is the domain, in words that all other packages share: streams, choices, queries,
// requests, pages, events, bookmarks and the state, reports, errors of a kind.
//
// It knows neither HTTP nor a protocol. What reads pages is a [Source] and what speaks a protocol a
// [Voice]; both are declared here, where they meet. It imports only one of its neighbours,
// [github.com/tap-greenhouse/tap-greenhouse/tap/record].
package tap
