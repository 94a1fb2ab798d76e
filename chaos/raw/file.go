package raw

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

const (
	// lineMax bounds a line when it is read: a header takes one KiB.
	lineMax = 64 << 10
	// rowsMax bounds a file when it is read: six minutes of a thousand attempts per second are 360,000.
	rowsMax = 2_000_000
)

// Writer writes one file.
type Writer struct {
	mu   sync.Mutex
	file *os.File
	out  *bufio.Writer
	err  error
}

// Create begins a file with its header. One that is there is replaced.
func Create(path string, h Header) (*Writer, error) {
	h.Kind, h.Format, h.Units = "header", Format, Units()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	w := &Writer{file: f, out: bufio.NewWriter(f)}
	w.put(h)
	return w, w.err
}

// Add writes a row. Times are kept to the microsecond, values to six digits. An error shows at End.
func (w *Writer) Add(r Row) {
	for _, v := range []*float64{&r.T, &r.CPU} {
		*v = math.Round(*v*1e6) / 1e6
	}
	r.Ms = math.Round(r.Ms*1e3) / 1e3
	r.Value = digits(r.Value)
	w.put(r)
}

// digits rounds to six significant ones: more than any figure here is worth.
func digits(v float64) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	scale := math.Pow(10, 5-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}

func (w *Writer) put(v any) {
	b, err := json.Marshal(v)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
	if w.err == nil {
		_, w.err = w.out.Write(append(b, '\n'))
	}
}

// End writes the last line and closes the file. void says why the run does not count, "" that it does.
func (w *Writer) End(void string) error {
	w.put(Row{Kind: last, Void: void})
	return w.Break()
}

// Break closes the file of a run that was not carried out.
func (w *Writer) Break() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return errors.Join(w.err, w.out.Flush(), w.file.Close())
}

// Read reads a file of JSON lines, compressed when its name ends in .gz.
func Read(path string) (*Run, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	r, err := Parse(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	r.File = filepath.Base(path)
	return r, nil
}

// Parse reads the lines. What is behind a line that was cut short by a crash is not there.
func Parse(in io.Reader) (*Run, error) {
	s := bufio.NewScanner(in)
	s.Buffer(nil, lineMax)
	if !s.Scan() {
		return nil, errors.Join(errors.New("there is no header"), s.Err())
	}
	r := &Run{}
	if err := strict(s.Bytes(), &r.Header); err != nil || r.Header.Kind != "header" || r.Header.Format != Format {
		return nil, fmt.Errorf("the first line is no header of format %d (%v)", Format, err)
	}
	for s.Scan() {
		var row Row
		if r.Done {
			return nil, errors.New("there is a line behind the end")
		}
		if err := strict(s.Bytes(), &row); err != nil {
			return r, nil
		}
		if row.Kind == last {
			r.Done, r.Void = true, row.Void
			continue
		}
		if len(r.Rows) == rowsMax {
			return nil, fmt.Errorf("there are more than %d rows", rowsMax)
		}
		r.Rows = append(r.Rows, row)
	}
	return r, s.Err()
}

func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// ReadAll reads all files of a folder, in the order of their names.
func ReadAll(dir string) (runs []*Run, err error) {
	var files []string
	for _, pattern := range []string{"*.jsonl", "*.jsonl.gz"} {
		found, _ := filepath.Glob(filepath.Join(dir, pattern))
		files = append(files, found...)
	}
	slices.Sort(files)
	for _, f := range files {
		r, err := Read(f)
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	return runs, nil
}
