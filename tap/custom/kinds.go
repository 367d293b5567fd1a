package custom

import (
	"slices"
	"strings"

	"github.com/tap-greenhouse/tap-greenhouse/tap"
	"github.com/tap-greenhouse/tap-greenhouse/tap/privacy"
	"github.com/tap-greenhouse/tap-greenhouse/tap/record"
)

// customKinds are the kinds of value of each value_type. Options are labels, users are numbers,
// ranges and currencies are objects. The kinds of HR systems (hris) are masked, so they are
// strings.
var customKinds = map[string]struct {
	kinds  record.Kinds
	format record.Format
	items  record.Kinds
}{
	"short_text":                 {kinds: record.String},
	"long_text":                  {kinds: record.String},
	"rich_text":                  {kinds: record.String},
	"url":                        {kinds: record.String},
	"header":                     {kinds: record.String},
	"statement":                  {kinds: record.String},
	"attachment":                 {kinds: record.String},
	"yes_no":                     {kinds: record.Boolean},
	"number":                     {kinds: record.Number},
	"single_select":              {kinds: record.String},
	"multi_select":               {kinds: record.Array, items: record.String},
	"user":                       {kinds: record.Integer},
	"linked":                     {kinds: record.Integer},
	"date":                       {kinds: record.String, format: record.Date},
	"date_of_birth":              {kinds: record.String, format: record.Date},
	"currency":                   {kinds: record.Object},
	"currency_range":             {kinds: record.Object},
	"number_range":               {kinds: record.Object},
	"address_hris":               {kinds: record.String},
	"date_of_birth_hris":         {kinds: record.String},
	"phone_number_hris":          {kinds: record.String},
	"national_tax_identity_hris": {kinds: record.String},
}

// classOf returns the class of personal data of a custom field: from its value type if that is
// enough, or else that of the API's column.
func classOf(valueType string, s *tap.Stream) string {
	switch {
	case strings.HasPrefix(valueType, "date_of_birth"):
		return privacy.Demographic
	case strings.HasSuffix(valueType, "_hris"):
		return privacy.Contact
	case strings.HasPrefix(valueType, "currency") &&
		slices.Contains([]string{"offer", "job", "opening"}, s.CustomFields.FieldType):
		return privacy.Pay
	case customKinds[valueType].kinds&record.String != 0 && valueType != "single_select" &&
		valueType != "date":
		return privacy.FreeText
	}
	return s.PersonalData[s.CustomFields.Column]
}
