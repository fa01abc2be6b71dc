package envelope

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
)

// specOpen is a second reader, written from docs/evidence-format.md with nothing
// but what WebCrypto also has (HKDF, SHA-256, AES-GCM). It shares no code with
// the package, so that the document, and not the code, is what the vectors prove.
func specOpen(dek, header []byte, parts [][]byte) ([]byte, error) {
	bound, commitment := header[:len(header)-32], header[len(header)-32:]
	partSize, length := binary.BigEndian.Uint64(header[9:]), int64(binary.BigEndian.Uint64(header[17:]))
	salt, hash := header[27:59], sha256.Sum256(bound)
	derive := func(info ...[]byte) []byte {
		key, err := hkdf.Key(sha256.New, dek, salt, string(bytes.Join(info, nil)), 32)
		if err != nil {
			panic(err)
		}
		return key
	}
	if !bytes.Equal(commitment, derive([]byte("comity/commit/v1"), hash[:])) {
		return nil, errors.New("commitment")
	}
	if length >= 0 && uint64(len(parts)) != max(1, (uint64(length)+partSize-1)/partSize) {
		return nil, errors.New("plan")
	}
	var plain []byte
	for i, part := range parts {
		last := i == len(parts)-1
		if len(part) == 32 && i == 0 && last && length <= 0 {
			if !bytes.Equal(part, derive([]byte("comity/empty/v1"), hash[:])) {
				return nil, errors.New("empty tag")
			}
			return nil, nil
		}
		want := partSize
		if last && length >= 0 {
			want = uint64(length) - uint64(i)*partSize
		}
		info := binary.BigEndian.AppendUint64(nil, uint64(i))
		if last {
			info = append(info, 1)
		} else {
			info = append(info, 0)
		}
		got, err := specStream(derive([]byte("comity/part/v1"), hash[:], info), part)
		if err != nil {
			return nil, err
		}
		if n := uint64(len(got)); n > want || n < want && (length >= 0 || !last) {
			return nil, errors.New("size of the part")
		}
		plain = append(plain, got...)
	}
	return plain, nil
}

// specStream opens one DARE 2.0 stream.
func specStream(key, in []byte) (plain []byte, err error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	var nonce []byte
	for seq := uint32(0); ; seq++ {
		if len(in) < 33 {
			return nil, errors.New("truncated")
		}
		size := int(in[2]) | int(in[3])<<8
		size++
		final := in[4]&0x80 != 0
		if in[0] != 0x20 || in[1] != 0x00 || len(in) < 32+size || !final && size != 65536 {
			return nil, errors.New("package")
		}
		this := bytes.Clone(in[4:16])
		this[0] &= 0x7f
		if nonce == nil {
			nonce = bytes.Clone(this)
		}
		if !bytes.Equal(this, nonce) {
			return nil, errors.New("nonce")
		}
		iv := bytes.Clone(in[4:16])
		binary.LittleEndian.PutUint32(iv[8:], binary.LittleEndian.Uint32(iv[8:])^seq)
		if plain, err = gcm.Open(plain, iv, in[16:32+size], in[:4]); err != nil {
			return nil, err
		}
		in = in[32+size:]
		if final {
			if len(in) > 0 {
				return nil, errors.New("bytes after the final package")
			}
			return plain, nil
		}
	}
}
