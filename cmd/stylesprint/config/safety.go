package config

// PolicyOff as the path of a policy switches content safety off.
const PolicyOff = "off"

// Safety is what is checked in texts, and what generated texts say of themselves.
type Safety struct {
	// Policy is the path of a content policy (docs/formats/safety-policy.md), or off. Defaults to the
	// policy that the program carries.
	Policy string `yaml:"policy"`
	// Statement is a sentence that goes into generated_by of every generated text, such as "Written by a
	// language model." Defaults to none.
	Statement string `yaml:"statement"`
}

// Feedback is what is kept of people's feedback.
type Feedback struct {
	// Off takes none. Defaults to false.
	Off bool `yaml:"off"`
	// KeepDays is how long feedback without consent is kept. Defaults to 30.
	KeepDays int `yaml:"keep_days"`
	// PerMinute bounds how much each key may send. Defaults to 120.
	PerMinute int `yaml:"per_minute"`
}

// DefaultKeepDays is how long feedback without consent is kept where nothing else is set.
const DefaultKeepDays = 30

func (s Safety) validate(add func(string, string, ...any)) {
	if len(s.Statement) > 500 {
		add("safety.statement", "want at most 500 bytes, got %d", len(s.Statement))
	}
}

func (f Feedback) validate(add func(string, string, ...any)) {
	if f.KeepDays < 0 || f.KeepDays > 3650 {
		add("feedback.keep_days", "want 0 (%d) to 3650, got %d", DefaultKeepDays, f.KeepDays)
	}
	if f.PerMinute < 0 {
		add("feedback.per_minute", "want 0 (120) or more, got %d", f.PerMinute)
	}
}
