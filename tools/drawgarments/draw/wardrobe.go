package draw

import "slices"

// garment is a shape, known by the words for it in a product's name.
type garment struct {
	word   string
	layers []layer
	across bool // stripes run across
}

// shapes lists the garments.
func shapes() []garment {
	knitted := knits()
	for i := range knitted {
		knitted[i].across = true
	}
	return slices.Concat(dresses(), moreDresses(), tops(), knitted, moreShirts(), bottoms(), moreTrousers(), moreSkirts(),
		others(), moreOuterwear(), moreFootwear(), moreAccessories())
}

func dresses() []garment {
	return []garment{
		{word: "linen midi dress", layers: []layer{
			{body, "M 28 12 L 33 14 C 35 17 40 17 42 14 L 47 12 L 57 20 L 52 29 L 48 26 L 48 42 L 58 84 C 48 88 27 88 17 84 L 27 42 L 27 26 L 23 29 L 18 20 Z"},
			{trim, "M 27 41 L 48 41 L 48 44 L 27 44 Z O 37.5 24 0.9 O 37.5 30 0.9 O 37.5 36 0.9 O 37.5 52 0.9 O 37.5 60 0.9 O 37.5 68 0.9 O 37.5 76 0.9"},
			{shade, "M 31 46 L 26 85 L 28 85.5 Z M 44 46 L 49 85 L 47 85.5 Z M 24 54 L 29 60 L 28 61 Z M 51 54 L 46 60 L 47 61 Z"}}},
		{word: "wrap dress", layers: []layer{
			{body, "M 28 12 L 32 13 L 38 30 L 43 13 L 47 12 L 60 26 L 54 34 L 48 29 L 47 42 L 55 74 C 46 78 29 78 20 74 L 28 42 L 27 29 L 21 34 L 15 26 Z"},
			{trim, "M 28 41 L 47 41 L 47 43.5 L 28 43.5 Z M 29 43 L 27 56 L 29 56 L 31 43 Z"},
			{shade, "M 43 13 L 30 41 L 32 41 L 44.5 13 Z M 34 44 L 42 76 L 40 76.5 Z"}}},
		{word: "t-shirt dress", layers: []layer{
			{body, "M 28 14 L 33 14 C 35 18 40 18 42 14 L 47 14 L 60 24 L 54 35 L 50 32 L 51 70 L 24 70 L 25 32 L 21 35 L 15 24 Z"},
			{trim, "M 33 14 C 35 18 40 18 42 14 L 44 14 C 41 20 34 20 31 14 Z M 41 32 L 48 32 L 48 40 L 41 40 Z"},
			{shade, "M 25 34 L 30 69 L 28 69 Z M 50 34 L 45 69 L 47 69 Z"}}},
		{word: "evening dress", layers: []layer{
			{body, "M 30 10 L 31 10 L 33 18 C 36 20 39 20 42 18 L 44 10 L 45 10 L 47 22 L 45 38 L 62 94 C 50 97 25 97 13 94 L 30 38 L 28 22 Z"},
			{shade, "M 33 40 L 20 94 L 22 94.5 Z M 36 40 L 29 95 L 31 95.5 Z M 38 40 L 37 95.5 L 39 95.5 Z M 40 40 L 46 95 L 44 95.5 Z M 42 40 L 55 94 L 53 94.5 Z"},
			{trim, "M 30 37 L 45 37 L 45.5 39.5 L 29.5 39.5 Z"}}},
	}
}

func tops() []garment {
	shirt := "M 27 14 L 33 13 L 37.5 19 L 42 13 L 48 14 L 60 24 L 66 56 L 58 58 L 52 36 L 52 76 C 46 80 29 80 23 76 L 23 36 L 17 58 L 9 56 L 15 24 Z"
	buttons := "M 37 19 L 38 19 L 38 78 L 37 78 Z O 37.5 28 0.9 O 37.5 38 0.9 O 37.5 48 0.9 O 37.5 58 0.9 O 37.5 68 0.9"
	collar := "M 33 13 L 37.5 19 L 32 23 L 29.5 14 Z M 42 13 L 37.5 19 L 43 23 L 45.5 14 Z"
	return []garment{
		{word: "crew-neck jumper", layers: []layer{
			{body, "M 27 18 L 32 16 C 34 20 41 20 43 16 L 48 18 L 60 28 L 67 66 L 59 68 L 52 42 L 52 74 L 23 74 L 23 42 L 16 68 L 8 66 L 15 28 Z"},
			{trim, "M 32 16 C 34 20 41 20 43 16 L 45 16.5 C 42 23 33 23 30 16.5 Z M 23 70 L 52 70 L 52 76 L 23 76 Z M 8 64 L 16 66 L 15 71 L 7 69 Z M 67 64 L 59 66 L 60 71 L 68 69 Z"},
			{shade, "M 24 44 L 28 70 L 26 70 Z M 51 44 L 47 70 L 49 70 Z"}}},
		{word: "cable cardigan", layers: []layer{
			{body, "M 27 20 L 33 18 L 37.5 36 L 42 18 L 48 20 L 61 30 L 67 64 L 58 66 L 53 44 L 53 68 L 22 68 L 22 44 L 17 66 L 8 64 L 14 30 Z"},
			{shade, "M 28 26 C 31 32 25 38 28 44 C 31 50 25 56 28 64 L 30 64 C 27 56 33 50 30 44 C 27 38 33 32 30 26 Z M 45 26 C 48 32 42 38 45 44 C 48 50 42 56 45 64 L 47 64 C 44 56 50 50 47 44 C 44 38 50 32 47 26 Z"},
			{trim, "M 36.5 36 L 38.5 36 L 38.5 68 L 36.5 68 Z O 37.5 40 1.1 O 37.5 46 1.1 O 37.5 52 1.1 O 37.5 58 1.1 O 37.5 64 1.1 M 24 54 L 33 54 L 33 55.5 L 24 55.5 Z M 42 54 L 51 54 L 51 55.5 L 42 55.5 Z M 22 66 L 53 66 L 53 70 L 22 70 Z"}}},
		{word: "ribbed tank", layers: []layer{
			{body, "M 29 16 L 33 16 C 35 19 40 19 42 16 L 46 16 C 46 26 48 32 51 36 L 50 76 L 25 76 L 24 36 C 27 32 29 26 29 16 Z"},
			{shade, "M 28 36 L 28.6 36 L 29 75 L 28.4 75 Z M 32 30 L 32.6 30 L 32.8 75 L 32.2 75 Z M 36 24 L 36.6 24 L 36.6 75 L 36 75 Z M 40 24 L 40.6 24 L 40.4 75 L 39.8 75 Z M 44 30 L 44.6 30 L 44.2 75 L 43.6 75 Z M 47.6 36 L 48.2 36 L 47.6 75 L 47 75 Z"},
			{trim, "M 33 16 C 35 19 40 19 42 16 L 43.5 16 C 41 21 34 21 31.5 16 Z"}}},
		{word: "roll-neck", layers: []layer{
			{body, "M 31 20 L 44 20 L 50 23 L 59 32 L 66 78 L 60 79 L 51 46 L 50 76 L 25 76 L 24 46 L 15 79 L 9 78 L 16 32 L 25 23 Z"},
			{trim, "M 31 10 C 35 8 40 8 44 10 L 45 20 C 40 23 35 23 30 20 Z"},
			{shade, "M 31 15 C 35 17 40 17 44 15 L 44 16 C 40 18 35 18 31 16 Z M 26 48 L 29 75 L 27 75 Z M 49 48 L 46 75 L 48 75 Z"}}},
		{word: "oxford shirt", layers: []layer{{body, shirt}, {trim, buttons}, {shade, collar}, {shade, "M 41 34 L 49 34 L 49 44 L 45 46 L 41 44 Z"}, {shade, "M 9 53 L 17 55 L 17 58 L 9 56 Z M 66 53 L 58 55 L 58 58 L 66 56 Z"}}},
		{word: "silk blouse", layers: []layer{{body, shirt}, {shade, "M 34 11 L 41 11 L 42 15 C 39 17 36 17 33 15 Z M 37 17 L 38.4 17 L 38.4 78 L 37 78 Z M 28 30 L 31 76 L 29 76 Z M 47 30 L 44 76 L 46 76 Z"}, {trim, "O 13 55 0.8 O 62 55 0.8"}}},
		{word: "denim overshirt", layers: []layer{{body, shirt}, {light, "M 25 34 L 35 34 L 35 45 L 25 45 Z M 40 34 L 50 34 L 50 45 L 40 45 Z M 24 27 L 51 27 L 51 27.8 L 24 27.8 Z"}, {shade, "M 25 34 L 35 34 L 35 37 L 25 37 Z M 40 34 L 50 34 L 50 37 L 40 37 Z"}, {trim, buttons}, {shade, collar}}},
		{word: "camp-collar shirt", layers: []layer{
			{body, "M 27 14 L 33 13 L 37.5 26 L 42 13 L 48 14 L 62 26 L 57 40 L 52 36 L 53 78 L 22 78 L 23 36 L 18 40 L 13 26 Z"},
			{light, "M 33 13 L 37.5 26 L 30 24 L 28 14 Z M 42 13 L 37.5 26 L 45 24 L 47 14 Z"},
			{trim, "M 37 26 L 38 26 L 38 78 L 37 78 Z O 37.5 36 0.9 O 37.5 47 0.9 O 37.5 58 0.9 O 37.5 69 0.9"}}},
	}
}

func bottoms() []garment {
	waist := "M 25 12 L 50 12 L 50 16 L 25 16 Z"
	return []garment{
		{word: "wide-leg trousers", layers: []layer{{body, "M 26 12 L 49 12 L 62 92 L 40 92 L 37.5 34 L 35 92 L 13 92 Z"}, {trim, waist}, {shade, "M 30 18 L 24 91 L 25 91 Z M 45 18 L 51 91 L 50 91 Z M 26 17 L 29 26 L 28 26.5 Z M 49 17 L 46 26 L 47 26.5 Z"}}},
		{word: "straight jeans", layers: []layer{{body, "M 26 12 L 49 12 L 54 90 L 41 90 L 37.5 36 L 34 90 L 21 90 Z"}, {light, "M 27 17 C 29 22 32 23 34 23 L 34 24 C 31 24 27 22 26 17 Z M 48 17 C 46 22 43 23 41 23 L 41 24 C 44 24 48 22 49 17 Z M 37.2 16 L 37.8 16 L 37.8 34 L 37.2 34 Z"}, {trim, waist}, {metal, "O 37.5 14 0.9 O 27 18 0.5 O 48 18 0.5"}}},
		{word: "cargo trousers", layers: []layer{{body, "M 25 12 L 50 12 L 56 84 L 46 90 L 40 88 L 37.5 36 L 35 88 L 29 90 L 19 84 Z"}, {shade, "M 20 46 L 29 46 L 29 58 L 20 58 Z M 55 46 L 46 46 L 46 58 L 55 58 Z M 22 64 L 33 64 L 33 74 L 21 74 Z M 53 64 L 42 64 L 42 74 L 54 74 Z"}, {trim, waist}, {trim, "M 20 46 L 29 46 L 29 49 L 20 49 Z M 55 46 L 46 46 L 46 49 L 55 49 Z"}}},
		{word: "culottes", layers: []layer{{body, "M 26 14 L 49 14 L 64 74 L 39 74 L 37.5 36 L 36 74 L 11 74 Z"}, {trim, "M 26 14 L 49 14 L 49.6 18 L 25.4 18 Z"}, {shade, "M 29 20 L 19 73 L 21 73.5 Z M 46 20 L 56 73 L 54 73.5 Z"}}},
		{word: "chinos", layers: []layer{{body, "M 26 12 L 49 12 L 51 88 L 42 88 L 37.5 36 L 33 88 L 24 88 Z"}, {trim, waist}, {shade, "M 27 17 L 30 27 L 29 27.5 Z M 48 17 L 45 27 L 46 27.5 Z M 37.2 16 L 37.8 16 L 37.8 34 L 37.2 34 Z"}, {light, "M 24 86 L 33 86 L 33 88 L 24 88 Z M 51 86 L 42 86 L 42 88 L 51 88 Z"}}},
		{word: "slip skirt", layers: []layer{{body, "M 27 20 L 48 20 C 52 40 54 62 57 82 C 46 86 29 86 18 82 C 21 62 23 40 27 20 Z"}, {trim, "M 27 20 L 48 20 L 48.5 23 L 26.5 23 Z"}, {light, "M 31 26 C 29 46 28 66 27 82 L 30 83 C 31 66 32 46 33 26 Z"}}},
		{word: "kilt skirt", layers: []layer{{body, "M 26 24 L 49 24 L 57 68 L 18 68 Z"}, {shade, "M 44 26 L 50 68 L 51 68 Z M 46 26 L 53 68 L 54 68 Z M 42 26 L 47 68 L 48 68 Z M 33 26 L 31 68 L 32 68 Z"}, {trim, "M 26 24 L 49 24 L 49.4 27 L 25.6 27 Z"}, {sole, "M 26 29 L 36 29 L 36 31 L 26 31 Z M 25 35 L 35 35 L 35 37 L 25 37 Z"}, {metal, "O 34 30 0.9 O 33 36 0.9"}}},
		{word: "denim midi skirt", layers: []layer{{body, "M 27 16 L 48 16 L 58 82 L 17 82 Z"}, {trim, "M 27 16 L 48 16 L 48.6 20 L 26.4 20 Z O 37.5 26 0.9 O 37.5 35 0.9 O 37.5 44 0.9 O 37.5 53 0.9 O 37.5 62 0.9 O 37.5 71 0.9"}, {shade, "M 37.2 20 L 37.8 20 L 37.8 82 L 37.2 82 Z M 28 21 C 30 27 33 28 35 28 L 35 29 C 32 29 28 27 27 21 Z M 47 21 C 45 27 42 28 40 28 L 40 29 C 43 29 47 27 48 21 Z"}}},
		{word: "maxi skirt", layers: []layer{{body, "M 28 14 L 47 14 L 51 38 L 56 38 L 59 64 L 63 64 L 67 92 L 8 92 L 12 64 L 16 64 L 19 38 L 24 38 Z"}, {shade, "M 20 38 L 55 38 L 55 39.5 L 20 39.5 Z M 13 64 L 62 64 L 62 65.5 L 13 65.5 Z M 30 16 L 27 38 L 28 38 Z M 44 16 L 47 38 L 46 38 Z M 26 66 L 21 92 L 23 92 Z M 48 66 L 54 92 L 52 92 Z"}, {trim, "M 28 14 L 47 14 L 47.4 17 L 27.6 17 Z M 35 17 L 34 27 L 35.4 27 L 36 17 Z M 40 17 L 41 27 L 39.6 27 L 39 17 Z"}}},
		{word: "pencil skirt", layers: []layer{{body, "M 28 18 L 47 18 C 51 30 51 40 49 72 L 26 72 C 24 40 24 30 28 18 Z"}, {trim, "M 28 18 L 47 18 L 47.8 21 L 27.2 21 Z"}, {shade, "M 29 30 L 30 71 L 28 71 Z M 46 30 L 45 71 L 47 71 Z"}}},
	}
}

func others() []garment {
	coat := "M 27 12 L 33 11 L 37.5 32 L 42 11 L 48 12 L 61 22 L 66 64 L 58 65 L 53 36 L 55 84 L 20 84 L 22 36 L 17 65 L 9 64 L 14 22 Z"
	lapels := "M 33 11 L 37.5 32 L 29 24 L 31 19 L 27 18 L 28 12 Z M 42 11 L 37.5 32 L 46 24 L 44 19 L 48 18 L 47 12 Z"
	return []garment{
		{word: "wool coat", layers: []layer{{body, coat}, {shade, lapels}, {trim, "M 37 32 L 38 32 L 38 84 L 37 84 Z O 40 38 1.2 O 40 48 1.2 O 40 58 1.2"}, {shade, "M 25 58 L 33 57 L 33 60 L 25 61 Z M 50 58 L 42 57 L 42 60 L 50 61 Z"}}},
		{word: "rain jacket", layers: []layer{{body, "M 27 18 L 48 18 L 61 28 L 67 62 L 58 64 L 53 42 L 54 76 L 21 76 L 22 42 L 17 64 L 8 62 L 14 28 Z M 29 18 C 28 6 47 6 46 18 C 42 22 33 22 29 18 Z"}, {shade, "M 32 17 C 32 10 43 10 43 17 C 41 20 34 20 32 17 Z M 24 56 L 33 54 L 33 56 L 24 58 Z M 51 56 L 42 54 L 42 56 L 51 58 Z"}, {trim, "M 37 20 L 38 20 L 38 76 L 37 76 Z"}}},
		{word: "trench", layers: []layer{{body, coat}, {shade, lapels}, {shade, "M 22 30 L 34 28 L 34 38 L 22 37 Z"}, {trim, "M 21 52 L 54 52 L 54 56 L 21 56 Z O 33 40 1.1 O 42 40 1.1 O 33 47 1.1 O 42 47 1.1 O 33 62 1.1 O 42 62 1.1 M 33 56 L 30 68 L 32 68 L 35 56 Z"}, {sole, "M 36 51.5 L 40 51.5 L 40 56.5 L 36 56.5 Z"}}},
		{word: "gilet", layers: []layer{{body, "M 28 16 L 33 12 L 42 12 L 47 16 L 53 22 C 50 30 50 36 53 42 L 53 72 L 22 72 L 22 42 C 25 36 25 30 22 22 Z"}, {shade, "M 23 26 L 52 26 L 52 27 L 23 27 Z M 24 34 L 51 34 L 51 35 L 24 35 Z M 22 42 L 53 42 L 53 43 L 22 43 Z M 22 50 L 53 50 L 53 51 L 22 51 Z M 22 58 L 53 58 L 53 59 L 22 59 Z M 22 66 L 53 66 L 53 67 L 22 67 Z"}, {trim, "M 37 14 L 38 14 L 38 72 L 37 72 Z O 37.5 22 0.9 O 37.5 30.5 0.9 O 37.5 38.5 0.9 O 37.5 46.5 0.9 O 37.5 54.5 0.9 O 37.5 62.5 0.9"}}},
		{word: "bomber", layers: []layer{{body, "M 28 20 L 47 20 C 58 22 64 34 67 60 L 59 63 L 53 44 L 53 66 L 22 66 L 22 44 L 16 63 L 8 60 C 11 34 17 22 28 20 Z"}, {trim, "M 29 17 L 46 17 L 48 21 C 42 24 33 24 27 21 Z M 22 64 L 53 64 L 52 70 L 23 70 Z M 8 59 L 16 62 L 15 66 L 7 63 Z M 67 59 L 59 62 L 60 66 L 68 63 Z M 37 22 L 38 22 L 38 66 L 37 66 Z"}, {light, "M 27 26 C 26 38 26 50 27 60 L 30 60 C 29 50 29 38 30 26 Z M 12 42 L 17 40 L 17.4 41 L 12.4 43 Z"}}},
		{word: "chelsea boots", layers: []layer{{body, "M 26 22 L 46 22 L 47 54 C 54 58 62 60 66 66 L 66 72 L 24 72 L 26 52 Z"}, {shade, "M 36 24 L 44 24 L 43 46 C 41 49 39 49 38 46 Z"}, {trim, "M 28 16 L 31 16 L 31 24 L 28 24 Z"}, {sole, "M 23 72 L 67 72 L 67 76 L 40 76 L 38 79 L 23 79 Z"}}},
		{word: "trainers", layers: []layer{{body, "M 12 46 C 18 44 24 40 28 36 L 40 36 C 46 46 58 50 66 54 L 67 64 L 11 64 Z"}, {trim, "M 34 40 L 44 46 L 43 48 L 33 42 Z M 38 38 L 47 44 L 46 46 L 37 40 Z M 42 43 L 52 49 L 51 51 L 41 45 Z"}, {light, "M 10 63 L 68 63 L 68 70 L 10 70 Z"}, {shade, "M 10 68 L 68 68 L 68 70 L 10 70 Z M 56 56 C 60 58 64 59 66 60 L 67 63 L 54 63 Z"}}},
		{word: "sandals", layers: []layer{{body, "M 18 58 C 30 58 44 62 64 72 L 64 75 C 44 66 30 62 18 62 Z M 44 62 C 48 54 56 56 58 66 L 55 66 C 53 60 49 60 47 66 Z M 17 34 L 32 38 L 32 41 L 17 37 Z M 17 34 L 20 34 L 21 60 L 18 60 Z"}, {sole, "M 17 61 L 26 61 L 25 78 L 17 78 Z M 44 68 L 64 75 L 64 78 L 46 74 Z"}, {metal, "O 29 38.6 1.8"}}},
		{word: "slippers", layers: []layer{{body, "M 14 56 C 20 54 28 52 34 46 C 46 42 62 50 66 62 L 66 68 L 12 68 Z"}, {shade, "M 14 56 C 22 56 30 56 36 48 C 32 58 22 60 14 60 Z"}, {sole, "M 12 68 L 66 68 L 65 71 L 13 71 Z"}}},
		{word: "loafers", layers: []layer{{body, "M 11 50 C 18 50 26 48 32 44 C 40 44 58 54 67 60 L 67 66 L 11 66 Z"}, {trim, "M 32 46 C 40 48 50 54 56 58 L 54 60 C 46 56 38 52 30 50 Z M 34 44 L 40 50 L 37 53 L 31 48 Z"}, {sole, "M 11 66 L 67 66 L 67 69 L 26 69 L 26 73 L 11 73 Z"}}},
		{word: "tote", layers: []layer{{body, "M 18 38 L 57 38 L 60 84 L 15 84 Z"}, {trim, "M 26 38 C 26 12 49 12 49 38 L 46.6 38 C 46.6 16 28.4 16 28.4 38 Z M 30 38 C 30 26 45 26 45 38 L 43 38 C 43 29 32 29 32 38 Z"}, {shade, "M 15.4 78 L 59.6 78 L 60 84 L 15 84 Z"}}},
		{word: "scarf", layers: []layer{{body, "M 22 14 C 32 26 43 26 53 14 L 58 20 C 50 34 44 36 42 38 L 46 82 L 30 84 L 32 40 C 24 34 20 26 17 20 Z"}, {trim, "M 30 84 L 31 90 L 32 84 Z M 33 84 L 34 90 L 35 84 Z M 36 83 L 37 89 L 38 83 Z M 39 83 L 40 89 L 41 83 Z M 42 82 L 43 88 L 44 82 Z"}, {shade, "M 22 14 C 32 26 43 26 53 14 L 54 17 C 44 30 31 30 21 17 Z"}}},
		{word: "belt", layers: []layer{{body, "M 8 46 L 60 46 L 60 56 L 8 56 L 5 51 Z"}, {trim, "O 14 51 0.8 O 20 51 0.8 O 26 51 0.8 O 32 51 0.8 O 38 51 0.8"}, {metal, "M 56 42 L 70 42 L 70 60 L 56 60 Z"}, {sole, "M 59 46 L 66 46 L 66 56 L 59 56 Z"}, {metal, "M 54 50 L 66 50 L 66 52 L 54 52 Z"}}},
		{word: "bucket hat", layers: []layer{{body, "M 25 32 C 30 26 45 26 50 32 L 53 50 L 64 64 C 50 72 25 72 11 64 L 22 50 Z"}, {shade, "M 22 50 C 32 55 43 55 53 50 L 54 52 C 43 58 32 58 21 52 Z M 16 58 C 28 66 47 66 59 58 L 60 59.4 C 47 67.6 28 67.6 15 59.4 Z"}}},
		{word: "earrings", layers: []layer{{body, "O 26 52 13 O 51 52 13"}, {hole, "O 26 53 11.4 O 51 53 11.4"}, {body, "M 25.5 34 L 26.5 34 L 26.5 40 L 25.5 40 Z M 50.5 34 L 51.5 34 L 51.5 40 L 50.5 40 Z"}}},
	}
}
