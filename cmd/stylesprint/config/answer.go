package config

// Catalogue is what questions of customers are answered from.
type Catalogue struct {
	// Products is a file with one product a line, as JSON. Empty means the demo catalogue.
	Products string `yaml:"products"`
	// CareGuide is a file with one fibre a line, as JSON. Empty means none, or the demo's with the demo catalogue.
	CareGuide string `yaml:"care_guide"`
}
