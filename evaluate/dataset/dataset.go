// Package dataset reads evaluation items from files.
//
// Key words: item, reference, family, split.
//
// Readers accept JSONL, CSV, TSV and parallel lines of text. Faults name the
// file, the line and the field. Values are plain and safe to share.
package dataset

// Item is one input of an evaluation, with its references.
type Item struct {
	ID string `json:"id"`
	// Family groups near-duplicates (the colours of one dress); splits and
	// resampling keep a family together. Empty: the item is its own family.
	Family string `json:"family,omitempty"`
	Split  string `json:"split,omitempty"` // "train", "validation", "test"
	// Fields are the variables that a prompt template may use.
	Fields map[string]string `json:"fields"`
	// Slices are the groups that results are broken down by: category, colour.
	Slices     map[string]string `json:"slices,omitempty"`
	References []string          `json:"references"`
}

// Dataset is a named list of items.
type Dataset struct {
	Name  string
	Items []Item
	// Hash is the SHA-256 of the items' canonical JSON, in order.
	Hash string
}
