package answer

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"stylesprint/catalogue"
)

// stated is an answer that the record gives by itself.
type stated struct {
	text      string
	citations []Citation
}

// fibres are names that a question may ask for, the longer of two that begin alike first.
const fibres = `recycled polyester|recycled polyamide|organic cotton|merino wool|natural rubber|polyester|polyamide|elastane|spandex|viscose|lambswool|lyocell|cashmere|alpaca|mohair|merino|cotton|linen|wool|silk|leather|suede|nubuck|modal|cupro|acrylic|nylon|hemp|rubber|canvas|down`

// What questions ask for exactly. They are read on plain text.
var (
	asksPrice   = regexp.MustCompile(`\bprices?\b|\bcosts?\b|\bhow expensive\b|\bhow much (?:is|are|for) (?:it|this|that|these|those|they|the)\b|\bhow much (?:do|does) .{0,60}\b(?:cost|sell for)\b`)
	otherPrice  = regexp.MustCompile(`\b(?:ship\w*|deliver\w*|post|postage|return\w*|discount\w*|sales?|voucher|coupon|code|dollars?|usd|pounds?|gbp|francs?|yen|currency|currencies|cheap\w*|last|next|season|spring|summer|autumn|winter|was|were|did|will|going|fall|drop|rise|workers?|share|tax|vat|customs|repair\w*|alter\w*|gift|instal\w*|why|worth|fair|match|compar\w*|than)\b`)
	asksSizes   = regexp.MustCompile(`\b(?:what|which) sizes\b|\bsizes (?:are|do you|does|come|run|available|in stock)\b|\b(?:available|come|comes|stocked) in (?:what|which) sizes?\b|\b(?:list|name) (?:all )?(?:the )?sizes\b`)
	asksStock   = regexp.MustCompile(`\b(?:in stock|available|availability|sold out|out of stock|stocked|left|have you got|do you (?:still )?have|can i (?:still )?(?:get|order|buy)|do you sell|is there|are there|come in|comes in|exist in|how many pieces)\b`)
	laterStock  = regexp.MustCompile(`\b(?:when|will|back|again|restock\w*|soon|tomorrow|today|next|shop|store|branch|reserve|expect|later)\b`)
	asksColour  = regexp.MustCompile(`\b(?:what|which) (?:colou?r|shade)s?\b|\bcolou?r (?:is|are) (?:it|this|the|they|these)\b`)
	otherColour = regexp.MustCompile(`\b(?:other|else|more|match\w*|go|goes|suit\w*|dye\w*)\b`)
	notCare     = regexp.MustCompile(`\b(?:careful|health|skin|smell)`)
	otherSizes  = regexp.MustCompile(`\b(?:laptop|order|choose|recommend|take|model|fit|fits|small|large)\b`)
	asksMade    = regexp.MustCompile(`\b(?:what|which) (?:is|are|fabrics?|materials?|fibres?|fibers?)\b.{0,60}\bmade (?:of|from|out of|with)\b|\bmade (?:of|from|out of) (?:what|which)\b|\bwhat (?:materials?|fabrics?|composition|fibres?|fibers?)\b|\b(?:composition|which fabric|which materials?|which fibres?|what's it made)\b`)
	asksShare   = regexp.MustCompile(`\bhow much (` + fibres + `) (?:is|are|does|do|has|have)\b|\b(?:share|percent|percentage|proportion) of (` + fibres + `)\b`)
	fibrePrice  = regexp.MustCompile(`\bhow much is the (?:` + fibres + `)\b`)
	asksHas     = regexp.MustCompile(`\b(?:pure|real|genuine|100 ?%|all|any|contains?|containing|is it|are they|made of|made from) (` + fibres + `)\b`)
	partOf      = regexp.MustCompile(`^what (?:is|are) the [a-z]+ of `)
	ofPart      = regexp.MustCompile(`\b(?:lining|lined|sole|soles|insole|buttons?|zips?|zipper|belts?|straps?|buckles?|footbed|trims?|threads?|labels?|packaging|pockets?|collar|cuffs?|laces?|upper|heel|inside|outside|handles?|hood|elastic|waistband|rivets?|pendant|box|origin|grown|organic|vegan|certified|mulesing|free)\b`)
	asksCare    = regexp.MustCompile(`\b(?:how (?:do|should|can|must|may|to|would|is|are|does)|can|may|should|must|do|does|is it|are they|what|which|at what|how hot|how often|when)\b`)
	otherCare   = regexp.MustCompile(`\b(?:shrink\w*|survive\w*|how many|how long|lose|loses|fade\w*|wine|stains?|come out|sea|chlor\w*|dog|cat|sweat|take to|quick\w*|fast|dry cleaner)\b`)
)

// state answers a question that asks for exactly what the record holds, from the record alone.
func state(question string, p catalogue.Product, passages []Passage) (stated, bool) {
	q := plain(question)
	for _, rule := range []func(string, catalogue.Product, []Passage) (stated, bool){stateSize, stateSizes, statePrice, stateShare, stateMade, stateColour, stateCare} {
		if s, ok := rule(q, p, passages); ok {
			return s, true
		}
	}
	return stated{}, false
}

// usable returns the passages of a field; there are none where the field is suspect.
func usable(passages []Passage, field string) []Passage {
	var out []Passage
	for _, p := range passages {
		if p.Field == field {
			out = append(out, p)
		}
	}
	return out
}

func cite(passages ...Passage) []Citation {
	out := make([]Citation, len(passages))
	for i, p := range passages {
		out[i] = Citation(p)
	}
	return out
}

func statePrice(q string, p catalogue.Product, passages []Passage) (stated, bool) {
	price := usable(passages, fieldPrice)
	if len(price) == 0 || !asksPrice.MatchString(q) || otherPrice.MatchString(q) || fibrePrice.MatchString(q) {
		return stated{}, false
	}
	return stated{fmt.Sprintf("It costs %s %s.", p.Price.Amount, p.Price.Currency), cite(price...)}, true
}

func stateColour(q string, p catalogue.Product, passages []Passage) (stated, bool) {
	colour := usable(passages, fieldColour)
	if len(colour) == 0 || !asksColour.MatchString(q) || ofPart.MatchString(q) || laterStock.MatchString(q) || otherColour.MatchString(q) {
		return stated{}, false
	}
	return stated{fmt.Sprintf("The colour is %s.", colour[0].Text), cite(colour...)}, true
}

func stateMade(q string, p catalogue.Product, passages []Passage) (stated, bool) {
	material := usable(passages, fieldMaterial)
	if len(material) == 0 || !asksMade.MatchString(q) || partOf.MatchString(q) || ofPart.MatchString(q) {
		return stated{}, false
	}
	return stated{fmt.Sprintf("It is made of %s.", list(p.Materials)), cite(material...)}, true
}

func list(materials []catalogue.Material) string {
	parts := make([]string, len(materials))
	for i, m := range materials {
		parts[i] = fmt.Sprintf("%d%% %s", m.Percent, m.Fibre)
	}
	if n := len(parts); n > 1 {
		return strings.Join(parts[:n-1], ", ") + " and " + parts[n-1]
	}
	return strings.Join(parts, "")
}

// stateShare answers how much of a fibre there is, or whether there is any. The composition adds
// up to 100, so a fibre that is not listed is not in it.
func stateShare(q string, p catalogue.Product, passages []Passage) (stated, bool) {
	material := usable(passages, fieldMaterial)
	fibre := ""
	for _, pattern := range []*regexp.Regexp{asksShare, asksHas} {
		m := pattern.FindStringSubmatch(q)
		for _, g := range m[min(1, len(m)):] {
			if fibre == "" {
				fibre = g
			}
		}
	}
	if len(material) == 0 || fibre == "" || ofPart.MatchString(strings.Replace(q, fibre, "", 1)) {
		return stated{}, false
	}
	percent := 0
	for _, m := range p.Materials {
		if m.Fibre == fibre || strings.HasSuffix(m.Fibre, " "+fibre) || strings.HasPrefix(m.Fibre, fibre+" ") {
			percent += m.Percent
		}
	}
	switch percent {
	case 0:
		return stated{fmt.Sprintf("No %s: it is made of %s.", fibre, list(p.Materials)), cite(material...)}, true
	case 100:
		return stated{fmt.Sprintf("It is all %s: %s.", fibre, list(p.Materials)), cite(material...)}, true
	}
	return stated{fmt.Sprintf("It has %d%% %s; all of it is %s.", percent, fibre, list(p.Materials)), cite(material...)}, true
}

// act is one kind of care, by what questions call it and what instructions say.
type act struct{ asked, instruction *regexp.Regexp }

var acts = []act{
	{regexp.MustCompile(`\bwring`), regexp.MustCompile(`\bwring`)},
	{regexp.MustCompile(`\btumble`), regexp.MustCompile(`\btumble`)},
	{regexp.MustCompile(`\biron(?:ed|ing)?\b|\bpress(?:ed)?\b|\bsteam(?:ed)?\b`), regexp.MustCompile(`\biron|\bsteam|\bpress`)},
	{regexp.MustCompile(`\bdry[ -]?clean`), regexp.MustCompile(`\bdry clean`)},
	{regexp.MustCompile(`\bdry\b|\bdried\b|\bdrying\b`), regexp.MustCompile(`\bdry\b|\bhang\b|\bair\b`)},
	{regexp.MustCompile(`\bwash(?:ed|ing|able)?\b|\blaunder(?:ed|ing)?\b|\btemperature\b`), regexp.MustCompile(`\bwash|\bcycle\b|\bwipe\b|\bspot clean|\bdry clean`)},
	{regexp.MustCompile(`\bclean(?:ed|ing)?\b`), regexp.MustCompile(`\bclean|\bwash|\bwipe|\bbrush|\bpolish|\bcycle\b|\brinse`)},
	{regexp.MustCompile(`\bstored?\b|\bstoring\b`), regexp.MustCompile(`\bstore|\bhang|\bhanger|\bshoe trees`)},
	{regexp.MustCompile(`\bwax(?:ed)?\b`), regexp.MustCompile(`\bwax`)},
	{regexp.MustCompile(`\bbrush(?:ed)?\b`), regexp.MustCompile(`\bbrush`)},
	{regexp.MustCompile(`\bcondition(?:ed)?\b`), regexp.MustCompile(`\bcondition`)},
	{regexp.MustCompile(`\bpolish(?:ed)?\b`), regexp.MustCompile(`\bpolish`)},
}

var asksAllCare = regexp.MustCompile(`\b(?:care|look after|maintain)\b`)

// stateCare quotes the care instructions that speak of what is asked.
func stateCare(q string, _ catalogue.Product, passages []Passage) (stated, bool) {
	care := usable(passages, fieldCare)
	if len(care) == 0 || !asksCare.MatchString(q) || otherCare.MatchString(q) || notCare.MatchString(q) {
		return stated{}, false
	}
	for _, a := range acts {
		if !a.asked.MatchString(q) {
			continue
		}
		var about []Passage
		for _, c := range care {
			if a.instruction.MatchString(c.Text) {
				about = append(about, c)
			}
		}
		if len(about) == 0 {
			return stated{}, false
		}
		return stated{instructions(about), cite(about...)}, true
	}
	if asksAllCare.MatchString(q) {
		return stated{instructions(care), cite(care...)}, true
	}
	return stated{}, false
}

func instructions(care []Passage) string {
	texts := make([]string, len(care))
	for i, c := range care {
		texts[i] = c.Text
	}
	return capital(strings.Join(texts, "; ")) + "."
}

// stateSizes lists the sizes with their stock.
func stateSizes(q string, p catalogue.Product, passages []Passage) (stated, bool) {
	stock := usable(passages, fieldStock)
	if len(stock) != len(p.Sizes) || !asksSizes.MatchString(q) || laterStock.MatchString(q) || otherSizes.MatchString(q) {
		return stated{}, false
	}
	var have, gone []string
	for _, s := range p.Sizes {
		if s.Stock > 0 {
			have = append(have, s.Size)
		} else {
			gone = append(gone, s.Size)
		}
	}
	text := "No size is in stock."
	if len(have) > 0 {
		text = "In stock: " + strings.Join(have, ", ") + "."
		if len(gone) > 0 {
			text += " Sold out: " + strings.Join(gone, ", ") + "."
		}
	}
	return stated{text, cite(stock...)}, true
}

// stateSize says whether one size is in stock.
func stateSize(q string, p catalogue.Product, passages []Passage) (stated, bool) {
	stock := usable(passages, fieldStock)
	if len(stock) != len(p.Sizes) || !asksStock.MatchString(q) || laterStock.MatchString(q) {
		return stated{}, false
	}
	size := sizeIn(q, p)
	if size == "" {
		return stated{}, false
	}
	at := slices.IndexFunc(p.Sizes, func(s catalogue.SizeStock) bool { return strings.EqualFold(s.Size, size) })
	if at < 0 {
		var labels []string
		for _, s := range p.Sizes {
			labels = append(labels, s.Size)
		}
		return stated{fmt.Sprintf("There is no size %s; the sizes are %s.", strings.ToUpper(size), strings.Join(labels, ", ")), cite(stock...)}, true
	}
	switch n := p.Sizes[at].Stock; n {
	case 0:
		return stated{fmt.Sprintf("No, size %s is sold out.", p.Sizes[at].Size), cite(stock[at])}, true
	case 1:
		return stated{fmt.Sprintf("Yes, size %s is in stock: one piece.", p.Sizes[at].Size), cite(stock[at])}, true
	default:
		return stated{fmt.Sprintf("Yes, size %s is in stock: %d pieces.", p.Sizes[at].Size, n), cite(stock[at])}, true
	}
}

var (
	namedSize  = regexp.MustCompile(`\bsize (xxs|xs|s|m|l|xl|xxl|xxxl|[2-5]xl|one|[0-9]{1,3}(?:-[0-9]{1,3})?)\b`)
	loneSize   = regexp.MustCompile(`\b(xxs|xs|xl|xxl|xxxl|[2-5]xl)\b`)
	lettered   = regexp.MustCompile(`\b(?:in|an?|the) (s|m|l|[3-5][0-9](?:-[0-9]{2})?)(?: in stock| available| left|[?.!]|$)`)
	wordedSize = regexp.MustCompile(`\b(extra small|extra large|small|medium|large)\b`)
)

// sizeIn is the label of the one size that a question names; "" where it names none or several.
func sizeIn(q string, p catalogue.Product) string {
	found := map[string]bool{}
	for _, pattern := range []*regexp.Regexp{namedSize, loneSize, lettered} {
		for _, m := range pattern.FindAllStringSubmatch(q, -1) {
			found[m[1]] = true
		}
	}
	if len(found) == 0 && slices.ContainsFunc(p.Sizes, func(s catalogue.SizeStock) bool { return s.Size == "M" }) {
		if m := wordedSize.FindAllStringSubmatch(q, -1); len(m) == 1 {
			found[map[string]string{"extra small": "xs", "small": "s", "medium": "m", "large": "l", "extra large": "xl"}[m[0][1]]] = true
		}
	}
	if len(found) != 1 {
		return ""
	}
	for s := range found {
		return s
	}
	return ""
}

func capital(s string) string {
	for i, r := range s {
		return strings.ToUpper(string(r)) + s[i+len(string(r)):]
	}
	return s
}
