package picture

import (
	"bytes"
	"encoding/binary"
)

const (
	pngHeader     = "\x89PNG\r\n\x1a\n"
	exifHeader    = "Exif\x00\x00"
	orientationOf = 0x0112 // TIFF tag
)

// jpegOrientation looks for an APP1 segment with EXIF before the scan; 1 is upright,
// and what is said for anything that cannot be read.
func jpegOrientation(data []byte) int {
	for data = data[2:]; len(data) >= 4 && data[0] == 0xff; {
		marker := data[1]
		switch {
		case marker == 0xff: // fill
			data = data[1:]
			continue
		case marker == 0x01 || marker >= 0xd0 && marker <= 0xd7: // no length
			data = data[2:]
			continue
		case marker == 0xda || marker == 0xd9: // scan, end
			return 1
		}
		n := int(binary.BigEndian.Uint16(data[2:]))
		if n < 2 || n > len(data)-2 {
			return 1
		}
		segment := data[4 : 2+n]
		if rest, ok := bytes.CutPrefix(segment, []byte(exifHeader)); ok && marker == 0xe1 {
			return tiffOrientation(rest)
		}
		data = data[2+n:]
	}
	return 1
}

// pngOrientation looks for an eXIf chunk.
func pngOrientation(data []byte) int {
	for data = data[len(pngHeader):]; len(data) >= 12; {
		n := binary.BigEndian.Uint32(data)
		if uint64(n)+12 > uint64(len(data)) {
			return 1
		}
		if string(data[4:8]) == "eXIf" {
			return tiffOrientation(bytes.TrimPrefix(data[8:8+n], []byte(exifHeader)))
		}
		data = data[12+n:]
	}
	return 1
}

// webpOrientation looks for an EXIF chunk.
func webpOrientation(data []byte) int {
	for data = data[12:]; len(data) >= 8; {
		n := uint64(binary.LittleEndian.Uint32(data[4:]))
		if n+8 > uint64(len(data)) {
			return 1
		}
		if string(data[:4]) == "EXIF" {
			return tiffOrientation(bytes.TrimPrefix(data[8:8+n], []byte(exifHeader)))
		}
		data = data[min(8+n+n%2, uint64(len(data))):]
	}
	return 1
}

// tiffOrientation reads the tag from the first directory of a TIFF header.
func tiffOrientation(data []byte) int {
	if len(data) < 8 {
		return 1
	}
	var order binary.ByteOrder
	switch string(data[:4]) {
	case "II*\x00":
		order = binary.LittleEndian
	case "MM\x00*":
		order = binary.BigEndian
	default:
		return 1
	}
	at := uint64(order.Uint32(data[4:]))
	if at+2 > uint64(len(data)) {
		return 1
	}
	count := int(order.Uint16(data[at:]))
	for entry := data[at+2:]; count > 0 && len(entry) >= 12; count, entry = count-1, entry[12:] {
		if order.Uint16(entry) != orientationOf {
			continue
		}
		const short, long = 3, 4
		v := 1
		switch order.Uint16(entry[2:]) {
		case short:
			v = int(order.Uint16(entry[8:]))
		case long:
			v = int(order.Uint32(entry[8:]))
		}
		if v < 1 || v > 8 {
			return 1
		}
		return v
	}
	return 1
}
