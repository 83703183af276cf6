package draw

func moreShirts() []garment {
	const (
		shirt   = "M 27 14 L 33 13 L 37.5 19 L 42 13 L 48 14 L 60 24 L 66 56 L 58 58 L 52 36 L 52 76 C 46 80 29 80 23 76 L 23 36 L 17 58 L 9 56 L 15 24 Z"
		collar  = "M 33 12 L 37.5 19 L 32 24 L 29 13.6 Z M 42 12 L 37.5 19 L 43 24 L 46 13.6 Z"
		placket = "M 36.9 19 L 38.1 19 L 38.1 78.6 L 36.9 78.6 Z O 37.5 27 0.9 O 37.5 36 0.9 O 37.5 45 0.9 O 37.5 54 0.9 O 37.5 63 0.9 O 37.5 72 0.9"
		cuffs   = "M 9.6 52 L 17.8 54 L 17 58 L 9 56 Z M 65.4 52 L 57.2 54 L 58 58 L 66 56 Z"
	)
	return []garment{
		{word: "poplin shirt", layers: []layer{{body, shirt}, {trim, placket}, {shade, collar}, {shade, cuffs}, {shade, "M 27 40 L 31 76 L 29 76 Z M 48 40 L 44 76 L 46 76 Z"}}},
		{word: "flannel shirt", layers: []layer{{body, shirt}, {shade, "M 25 33 L 34 33 L 34 43 L 29.5 45 L 25 43 Z M 41 33 L 50 33 L 50 43 L 45.5 45 L 41 43 Z"}, {trim, "M 25 33 L 34 33 L 34 35.4 L 29.5 37 L 25 35.4 Z M 41 33 L 50 33 L 50 35.4 L 45.5 37 L 41 35.4 Z"}, {trim, placket}, {trim, collar}, {shade, cuffs}}},
		{word: "tie-neck blouse", layers: []layer{{body, "M 28 15 L 47 15 C 56 18 62 26 66 50 L 65 58 L 57 60 L 51 38 L 52 78 L 23 78 L 24 38 L 18 60 L 10 58 L 9 50 C 13 26 19 18 28 15 Z"},
			{trim, "M 31 11 L 44 11 L 44.6 16 L 30.4 16 Z M 37.5 18 L 25 14.6 L 24 23 Z M 37.5 18 L 50 14.6 L 51 23 Z M 36.4 19 L 38.4 20 L 34 42 L 30 41 Z M 38.6 19 L 36.6 20 L 41 40 L 45 39 Z M 9.4 55 L 18.4 57 L 18 60.6 L 9.6 58.6 Z M 65.6 55 L 56.6 57 L 57 60.6 L 65.4 58.6 Z"},
			{shade, "O 37.5 18 1.8"}, {shade, "M 29 42 L 31 77 L 29 77 Z M 46 42 L 44 77 L 46 77 Z"}}},
		{word: "band-collar shirt", layers: []layer{{body, shirt}, {trim, "M 32 11 L 43 11 L 43.6 15 C 40 18 35 18 31.4 15 Z M 35.4 16 L 39.6 16 L 39.6 44 L 35.4 44 Z"}, {shade, "O 37.5 22 0.8 O 37.5 29 0.8 O 37.5 36 0.8 O 37.5 42 0.8"}, {shade, cuffs}, {shade, "M 27 42 L 31 77 L 29 77 Z M 48 42 L 44 77 L 46 77 Z"}}},
		{word: "corduroy shirt", layers: []layer{{body, shirt}, {shade, "M 25 27 L 25.7 27 L 25.7 77 L 25 77 Z M 28 18 L 28.7 18 L 28.7 78 L 28 78 Z M 31 24 L 31.7 24 L 31.7 78 L 31 78 Z M 34 23 L 34.7 23 L 34.7 78 L 34 78 Z M 40.3 23 L 41 23 L 41 78 L 40.3 78 Z M 43.3 24 L 44 24 L 44 78 L 43.3 78 Z M 46.3 18 L 47 18 L 47 78 L 46.3 78 Z M 49.3 27 L 50 27 L 50 77 L 49.3 77 Z"}, {trim, "M 26 34 L 34 34 L 34 44 L 26 44 Z M 41 34 L 49 34 L 49 44 L 41 44 Z"}, {trim, placket}, {trim, collar}, {shade, cuffs}}},
		{word: "puff-sleeve blouse", layers: []layer{{body, "M 29 15 L 33 15 C 35 20 40 20 42 15 L 46 15 C 60 12 68 22 66 36 C 64 42 58 43 53 41 L 50 34 L 51 72 L 24 72 L 25 34 L 22 41 C 17 43 11 42 9 36 C 7 22 15 12 29 15 Z"},
			{trim, "M 33 15 C 35 20 40 20 42 15 L 44 15 C 41 22 34 22 31 15 Z M 12 38 C 15 42 18 42 22 40.4 L 21.4 44 C 17 46 13 45 11 42 Z M 63 38 C 60 42 57 42 53 40.4 L 53.6 44 C 58 46 62 45 64 42 Z"}, {shade, "M 19 20 L 15 34 L 16.4 34 Z M 24 19 L 20 36 L 21.4 36 Z M 56 20 L 60 34 L 58.6 34 Z M 51 19 L 55 36 L 53.6 36 Z M 30 50 L 31 71 L 29 71 Z M 45 50 L 44 71 L 46 71 Z"}}},
		{word: "linen shirt", layers: []layer{{body, "M 26 14 L 33 13 L 37.5 20 L 42 13 L 49 14 L 62 25 L 65 46 L 55 49 L 53 38 L 54 80 C 47 77 28 77 21 80 L 22 38 L 20 49 L 10 46 L 13 25 Z"}, {trim, "M 36.9 20 L 38.1 20 L 38.1 78 L 36.9 78 Z O 37.5 29 1 O 37.5 40 1 O 37.5 51 1 O 37.5 62 1"}, {trim, "M 10.4 43 L 20.6 46 L 20 50.6 L 9.6 47.6 Z M 64.6 43 L 54.4 46 L 55 50.6 L 65.4 47.6 Z"}, {shade, collar}, {shade, "M 25 46 L 29 60 L 28 60.4 Z M 50 52 L 44 64 L 45 64.6 Z M 28 62 L 33 72 L 32 72.4 Z"}}},
	}
}
