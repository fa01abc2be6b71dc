package demo

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"strings"

	"github.com/diskfs/go-diskfs"
	"github.com/diskfs/go-diskfs/disk"
	"github.com/diskfs/go-diskfs/filesystem"
)

// imageSeed makes the image's files the same at every making.
const imageSeed = "comity demo disk image, seed 001"

// smallestImage has room for the least number of clusters that FAT32 takes.
const smallestImage = 40 << 20

func checkImageSize(size int64) error {
	if size < smallestImage {
		return fmt.Errorf("a disk image of %d MiB has no room for a file system; %d MiB at least", size>>20, smallestImage>>20)
	}
	return nil
}

// makeImage writes a disk image of about size bytes: a FAT32 file system as an
// imaging tool would read it from a seized drive, most of it filled with files
// of text and of incompressible bytes, so that nothing on the way can make the
// transfer look faster than it is.
func makeImage(ctx context.Context, file string, size int64, progress func(done, total int64)) (err error) {
	if err := checkImageSize(size); err != nil {
		return err
	}
	d, err := diskfs.Create(file, size, diskfs.SectorSizeDefault)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, d.Close()); err != nil {
			_ = os.Remove(file) // half an image is of no use
		}
	}()
	fs, err := d.CreateFilesystem(disk.FilesystemSpec{FSType: filesystem.TypeFat32, VolumeLabel: "SEIZED-01"})
	if err != nil {
		return err
	}
	w := imageWriter{fs: fs, random: rand.New(rand.NewChaCha8([32]byte([]byte(imageSeed)))),
		total: size * 9 / 10, progress: progress}
	return w.fill(ctx)
}

type imageWriter struct {
	fs       filesystem.FileSystem
	random   *rand.Rand
	done     int64
	total    int64
	progress func(done, total int64)
}

// fill writes the folders of a finance department's drive until it is nearly full.
func (w *imageWriter) fill(ctx context.Context) error {
	for _, dir := range []string{"/FINANCE", "/MAIL", "/BACKUP", "/LOGS"} {
		if err := w.fs.Mkdir(dir); err != nil {
			return err
		}
	}
	if err := w.text("/README.TXT", 4<<10); err != nil {
		return err
	}
	big := min(16<<20, w.total/8) // a locked database dump, as ransomware leaves it
	for i := 0; w.done < w.total; i++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		left := w.total - w.done
		steps := []func() error{
			func() error { return w.noise(fmt.Sprintf("/BACKUP/DUMP%03d.LCK", i), min(big, left)) },
			func() error { return w.text(fmt.Sprintf("/LOGS/LOG%03d.TXT", i), min(1<<20, left)) },
			func() error { return w.noise(fmt.Sprintf("/FINANCE/BOOK%03d.XLS", i), min(2<<20, left)) },
			func() error { return w.text(fmt.Sprintf("/MAIL/MAIL%03d.TXT", i), min(256<<10, left)) },
		}
		for _, step := range steps {
			if w.done >= w.total {
				break
			}
			if err := step(); err != nil {
				return err
			}
		}
	}
	return nil
}

// noise is a file of incompressible bytes, as an encrypted one is.
func (w *imageWriter) noise(name string, size int64) error {
	return w.file(name, size, func(b []byte) {
		for i := 0; i+8 <= len(b); i += 8 {
			v := w.random.Uint64()
			for j := range 8 {
				b[i+j] = byte(v >> (8 * j))
			}
		}
	})
}

var words = strings.Fields("account transfer ledger invoice payment branch customer balance audit contract quarter interest loan deposit settlement clearing " +
	"tenge dram wallet ransom deadline server backup domain controller encrypted shadow copies")

// text is a file of lines of words with dates.
func (w *imageWriter) text(name string, size int64) error {
	return w.file(name, size, func(b []byte) {
		for len(b) > 0 {
			line := fmt.Sprintf("2026-%02d-%02d %s %s %s %d\r\n", 1+w.random.IntN(12), 1+w.random.IntN(28), words[w.random.IntN(len(words))],
				words[w.random.IntN(len(words))], words[w.random.IntN(len(words))], w.random.IntN(1_000_000))
			b = b[copy(b, line):]
		}
	})
}

const imageBlock = 4 << 20

func (w *imageWriter) file(name string, size int64, content func([]byte)) error {
	f, err := w.fs.OpenFile(name, os.O_CREATE|os.O_RDWR)
	if err != nil {
		return fmt.Errorf("%s: %w", path.Base(name), err)
	}
	buf := make([]byte, min(size, imageBlock))
	for left := size; left > 0; {
		b := buf[:min(left, imageBlock)]
		content(b)
		if _, err := f.Write(b); err != nil {
			return errors.Join(fmt.Errorf("%s: %w", path.Base(name), err), f.Close())
		}
		left -= int64(len(b))
		w.done += int64(len(b))
		w.progress(min(w.done, w.total), w.total)
	}
	return f.Close()
}

// ransomNote is the second exhibit.
func ransomNote(wallet string) string {
	return "YOUR FILES ARE LOCKED\r\n\r\nAll servers of your bank are encrypted. Do not call the police.\r\n" +
		"Pay 12 BTC to " + wallet + " within 72 hours, or the price doubles.\r\n"
}
