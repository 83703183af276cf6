"""Captions of drawn garments: a grammar over the garment's nouns and the colour's words.

A caption is a short label ("a sage green midi dress"), one sentence, or product copy of
several sentences in which colour and garment are named among facts that cannot be seen
(material, care, pockets), so that the model learns to find the words that matter.
"""

# What people call a garment, by the last words of its shape's name. The first
# entry is the plain noun; a shape that is not listed is called by its own name.
NOUNS = {
    "dress": ["dress"],
    "midi dress": ["midi dress", "dress", "midi", "button-through dress"],
    "wrap dress": ["wrap dress", "dress", "wrap"],
    "t-shirt dress": ["t-shirt dress", "jersey dress", "tee dress", "dress"],
    "evening dress": ["evening dress", "gown", "long dress", "dress"],
    "shirt dress": ["shirt dress", "dress"],
    "slip dress": ["slip dress", "dress", "slip"],
    "maxi dress": ["maxi dress", "long dress", "dress"],
    "pinafore": ["pinafore", "pinafore dress", "dress"],
    "crew-neck jumper": ["jumper", "crew neck", "crew-neck jumper", "sweater", "knit"],
    "jumper": ["jumper", "sweater", "knit"],
    "v-neck": ["v-neck", "jumper", "v-neck jumper"],
    "cardigan": ["cardigan", "knit", "cable cardigan", "button cardigan"],
    "tank": ["tank", "ribbed tank", "vest top", "top"],
    "roll-neck": ["roll-neck", "roll neck", "jumper", "turtleneck"],
    "oxford shirt": ["oxford shirt", "shirt", "button-down"],
    "blouse": ["blouse", "silk blouse", "shirt"],
    "overshirt": ["overshirt", "denim overshirt", "shirt jacket"],
    "camp-collar shirt": ["camp-collar shirt", "shirt", "summer shirt", "open-collar shirt"],
    "shirt": ["shirt"],
    "trousers": ["trousers", "pair of trousers"],
    "wide-leg trousers": ["wide-leg trousers", "trousers", "wide trousers"],
    "cargo trousers": ["cargo trousers", "trousers", "cargos"],
    "jeans": ["jeans", "straight jeans", "denim", "pair of jeans"],
    "culottes": ["culottes", "cropped culottes", "cropped trousers"],
    "chinos": ["chinos", "tapered chinos", "trousers"],
    "shorts": ["shorts", "pair of shorts"],
    "skirt": ["skirt"],
    "slip skirt": ["slip skirt", "skirt", "satin skirt"],
    "kilt skirt": ["kilt", "kilt skirt", "wrap kilt", "skirt"],
    "midi skirt": ["midi skirt", "denim skirt", "skirt"],
    "maxi skirt": ["maxi skirt", "tiered skirt", "long skirt", "skirt"],
    "pencil skirt": ["pencil skirt", "skirt"],
    "coat": ["coat", "wool coat", "overcoat"],
    "rain jacket": ["rain jacket", "jacket", "hooded jacket", "shell"],
    "jacket": ["jacket"],
    "trench": ["trench", "trench coat", "coat"],
    "gilet": ["gilet", "quilted gilet", "padded vest", "body warmer"],
    "bomber": ["bomber", "bomber jacket", "jacket"],
    "parka": ["parka", "coat", "jacket"],
    "boots": ["boots", "chelsea boots", "ankle boots", "boot", "pair of boots"],
    "trainers": ["trainers", "canvas trainers", "sneakers", "pair of trainers"],
    "sandals": ["sandals", "block-heel sandals", "heeled sandals", "sandal"],
    "slippers": ["slippers", "house shoes", "wool slippers"],
    "loafers": ["loafers", "suede loafers", "slip-on shoes", "pair of loafers"],
    "tote": ["tote", "tote bag", "canvas bag", "bag", "shopper"],
    "scarf": ["scarf", "wool scarf", "long scarf"],
    "belt": ["belt", "leather belt"],
    "bucket hat": ["bucket hat", "hat"],
    "beanie": ["beanie", "knitted hat", "hat"],
    "earrings": ["earrings", "hoops", "hoop earrings", "pair of hoops"],
    "sundress": ["sundress", "summer dress", "dress"],
    "tea dress": ["tea dress", "dress"],
    "t-shirt": ["t-shirt", "tee", "top"],
    "polo shirt": ["polo shirt", "polo"],
    "tunic dress": ["tunic", "tunic dress", "dress"],
    "vest": ["vest", "knitted vest", "sleeveless knit"],
    "knit": ["knit", "short-sleeve knit", "top"],
    "tie": ["tie", "knitted tie"],
    "blazer": ["blazer", "jacket", "tailored jacket"],
    "cape": ["cape", "cloak"],
    "puffer jacket": ["puffer", "puffer jacket", "padded jacket", "jacket"],
    "quilted coat": ["quilted coat", "padded coat", "coat"],
    "duffle coat": ["duffle coat", "duffle", "coat"],
    "windbreaker": ["windbreaker", "light jacket", "jacket"],
    "biker jacket": ["biker jacket", "biker", "leather jacket", "jacket"],
    "denim jacket": ["denim jacket", "jean jacket", "jacket"],
    "joggers": ["joggers", "sweatpants", "pair of joggers"],
    "leggings": ["leggings", "pair of leggings", "tights"],
    "skinny jeans": ["jeans"],
    "flats": ["flats", "ballet flats", "ballerinas"],
    "clogs": ["clogs", "pair of clogs"],
    "court shoes": ["court shoes", "heels", "pumps", "shoes"],
    "derby shoes": ["derby shoes", "lace-up shoes", "derbies", "shoes"],
    "running shoes": ["running shoes", "trainers", "runners", "shoes"],
    "espadrilles": ["espadrilles", "canvas espadrilles"],
    "mules": ["mules", "slip-on mules"],
    "wellington": ["wellington boots", "wellies", "rain boots", "boots"],
    "hiking boots": ["hiking boots", "walking boots", "boots"],
    "gloves": ["gloves", "pair of gloves"],
    "socks": ["socks", "pair of socks"],
    "cap": ["cap", "baseball cap", "peaked cap"],
    "silk square": ["silk square", "square scarf", "neckerchief", "scarf"],
    "necklace": ["necklace", "chain", "pendant"],
    "rucksack": ["rucksack", "backpack", "bag"],
    "crossbody bag": ["crossbody bag", "crossbody", "shoulder bag", "bag"],
    "wallet": ["wallet", "card wallet", "purse"],
    "umbrella": ["umbrella", "folding umbrella"],
}

OPENINGS = [
    "{C} {n}.", "A {c} {n}.", "The {n} in {c}.", "A {n} in {c}.", "This {n} comes in {c}.", "{C} is the colour of this {n}.", "A photo of a {c} {n}.", "{n}, {c}.",
    "Meet the {n} in {c}.", "Our {c} {n} is back.", "The {c} {n} you keep reaching for.", "{C} {n} for every day.", "A {n} that wears its {c} lightly.",
    "A {c} {n} with quiet details.", "In {c}, this {n} goes with most of what you own.", "{C}, soft and easy: a {n} for the week.", "Think {c}. Think {n}.",
    "Soft {c} on a {n} that holds its shape.", "Deep {c} makes this {n} feel grown-up.", "Pale or bright, {c} suits this {n}.",
]

FILLERS = [
    "Machine wash at 30 degrees and dry flat.", "Two side pockets hold a phone and keys.", "Cut to skim rather than cling.", "The fabric softens with every wash.",
    "Wear it open over a shirt once the evenings cool.", "True to size.", "Made of linen and viscose.", "Pure cotton, woven tightly.", "Wool from start to finish.",
    "A touch of elastane gives it stretch.", "Leather that darkens with wear.", "Iron inside out.", "Hand wash cold.", "Do not tumble dry.", "The buttons are horn.",
    "Relaxed through the shoulder.", "Fits close at the waist.", "It falls straight.", "You can take it from the office to dinner.", "Pack it for the weekend.",
    "Start in June and end in October.", "Lined, so that it moves well.", "The hem is finished by hand.", "A zip closes at the side.", "Long enough to tuck in.",
    "Light enough for summer, warm enough for spring.", "The seams lie flat.", "You notice the cloth first.", "It creases a little and looks better for it.", "Fully lined.",
    "A detachable belt ties at the waist.", "Ribbed cuffs keep the sleeves in place.", "Rolled sleeves suit it.", "The collar stands on its own.", "Sized for layering.",
    "Sole of natural rubber.", "Holds a laptop and lunch.", "Wipe clean with a damp cloth.", "Cold evenings are what it is for.", "Keeps the rain off your bike ride home.",
    "No fuss, no shine.", "Simple lines, good cloth.", "Pair it with what you have.", "One to keep for years.", "Easy to wear and easy to wash.", "Quiet, useful, well made.",
]

TAILS = ["", "", " Wear the {n} with boots.", " The {c} fades slowly.", " Choose {c} once and you will see why.", " This {n} is made to last.", " A {n} to live in.", " {C} goes with everything."]


def nouns(shape, known=NOUNS):
    """The names of a shape: of the longest known ending of its own name."""
    words = shape.split()
    for i in range(len(words)):
        end = " ".join(words[i:])
        if end in known:
            return [shape] + known[end]
    return [shape, words[-1]]


def colour_words(colour):
    """What a colour is called: its name, and its head word where there are two."""
    words = colour.split()
    out = [colour, colour]
    if len(words) == 2:
        first, second = words
        if second in ("dot", "stripe", "check", "print", "melange", "tone"):
            out += [{"dot": f"{first} with dots", "stripe": f"{first} stripes", "check": f"checked in {first}", "print": f"{first} print", "melange": first, "tone": first}[second]]
        else:
            out.append({"green": first, "blue": f"{first} blue", "brown": f"{first} brown"}.get(second, second))
    return out


def names_colour(text, colours):
    """The colours of a list that a text names, longest first."""
    low = " " + text.lower().replace("-", " ") + " "
    return [c for c in sorted(colours, key=len, reverse=True) if any(f" {w}" in low for w in {c, c.split()[0]})]


def repaint(text, old, new):
    """A text with the name of one colour put in place of another's; None if it names none."""
    for word in (old, old.split()[-1], old.split()[0]):
        if word in ("dot", "stripe", "check", "print", "tone", "light", "dark", "mid", "deep"):
            continue
        at = text.lower().find(word)
        if at >= 0:
            put = new[:1].upper() + new[1:] if text[at].isupper() else new
            return text[:at] + put + text[at + len(word) :]
    return None


def caption(rng, shape, colour, fillers=FILLERS):
    """One caption, drawn with rng (random.Random); fillers are sentences that name neither garment nor colour."""
    n, c = rng.choice(nouns(shape)), rng.choice(colour_words(colour))
    put = lambda t: t.replace("{n}", n).replace("{c}", c).replace("{C}", c[:1].upper() + c[1:])
    kind = rng.random()
    if kind < 0.2:
        return put(rng.choice(["a {c} {n}", "{c} {n}", "{n} in {c}", "{c} " + shape]))
    text = put(rng.choice(OPENINGS))
    if kind < 0.4:
        return text
    fill = rng.sample(fillers, rng.randint(1, 4))
    at = rng.randint(0, min(2, len(fill)))
    if rng.random() < 0.25:  # garment and colour in sentences of their own
        n2, c2 = rng.choice(nouns(shape)), rng.choice(colour_words(colour))
        text = f"{c2[:1].upper() + c2[1:]} {rng.choice(['through and through', 'this season', 'with depth', 'that stays calm', 'all over'])}."
        fill.insert(rng.randint(0, len(fill)), rng.choice([f"The {n2} sits easily.", f"A {n2} for long days.", f"This {n2} is cut straight.", f"You get a {n2} that lasts."]))
    sentences = fill[:at] + [text] + fill[at:]
    return " ".join(sentences) + put(rng.choice(TAILS))
