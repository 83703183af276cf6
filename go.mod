module stylesprint

go 1.26
