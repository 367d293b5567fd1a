// Package plan estimates what runs will cost: the rows of each list from the first page of each,
// and from these the requests and the time. It makes no request: pages in, numbers out.
package plan
