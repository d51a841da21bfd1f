// The interop cases with webtransport-go as the client: prints a JSON line for each.
package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/webtransport-go"
)

const caseTimeout = 15 * time.Second

type values struct {
	LargeBytes        int
	CloseCode         uint32
	CloseReason       string
	ServerCloseCode   uint32
	ServerCloseReason string
	ResetCode         uint32
	StopCode          uint32
	ServerResetCode   uint32
	RejectStatus      int
}

type input struct {
	Names  []string
	Values values
}

type line struct {
	Case    string `json:"case"`
	Outcome string `json:"outcome"`
	Detail  string `json:"detail"`
}

var (
	baseURL     = flag.String("url", "", "origin of the server")
	inputJSON   = flag.String("input", "", "names and values of the cases, JSON")
	flowControl = flag.Bool("flow-control", false, "session flow control")
	given       input
	output      sync.Mutex
)

// peer is what a case opens its sessions with.
type peer struct {
	ctx       context.Context
	transport *webtransport.Transport
}

func main() {
	flag.String("hash", "", "not needed: the certificate is not verified")
	flag.Parse()
	if err := json.Unmarshal([]byte(*inputJSON), &given); err != nil {
		panic(err)
	}
	var waiting sync.WaitGroup
	for _, name := range given.Names {
		if name == "long-session" {
			waiting.Go(func() { run(name) })
		}
	}
	for _, name := range given.Names {
		if name != "long-session" {
			run(name)
		}
	}
	waiting.Wait()
}

func run(name string) {
	ctx, cancel := context.WithTimeout(context.Background(), caseTimeout)
	defer cancel()
	transport := &webtransport.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h3"}},
		QUICConfig: &quic.Config{
			EnableDatagrams:                  true,
			EnableStreamResetPartialDelivery: true,
			KeepAlivePeriod:                  5 * time.Second,
		},
	}
	if *flowControl {
		transport.Config = &webtransport.Config{
			MaxIncomingStreams: 64, MaxIncomingUniStreams: 64, MaxIncomingData: 256 * 1024,
		}
	}
	defer transport.Close()
	detail, err := "", errors.New("no such case")
	if test, ok := cases[name]; ok {
		detail, err = test(&peer{ctx, transport})
	}
	result := line{name, "passed", detail}
	if err != nil {
		result = line{name, "failed", err.Error()}
	}
	text, _ := json.Marshal(result)
	output.Lock()
	defer output.Unlock()
	fmt.Println(string(text))
}

func (p *peer) open(path string) (*webtransport.Session, error) {
	_, session, err := p.transport.Dial(p.ctx, *baseURL+path, nil)
	return session, err
}

var cases = map[string]func(*peer) (string, error){
	"bidi-echo": onSession("/echo", func(p *peer, session *webtransport.Session) error {
		return expectExchange(p, session, "hello", "hello")
	}),
	"uni-echo": onSession("/echo", func(p *peer, session *webtransport.Session) error {
		stream, err := session.OpenUniStreamSync(p.ctx)
		if err != nil {
			return err
		}
		if _, err := stream.Write([]byte("one way")); err != nil {
			return err
		}
		if err := stream.Close(); err != nil {
			return err
		}
		answer, err := nextUni(p, session)
		return check(answer, "one way", err)
	}),
	"datagram-echo": onSession("/echo", func(p *peer, session *webtransport.Session) error {
		if err := session.SendDatagram([]byte("ping")); err != nil {
			return err
		}
		answer, err := session.ReceiveDatagram(p.ctx)
		return check(string(answer), "ping", err)
	}),
	"many-streams": onSession("/echo", func(p *peer, session *webtransport.Session) error {
		results := make(chan error, 50)
		for index := range 50 {
			go func() {
				text := fmt.Sprintf("stream %d", index)
				results <- expectExchange(p, session, text, text)
			}()
		}
		var err error
		for range 50 {
			err = errors.Join(err, <-results)
		}
		return err
	}),
	"upload": onSession("/sink", func(p *peer, session *webtransport.Session) error {
		size := given.Values.LargeBytes
		return expectExchange(p, session, string(make([]byte, size)), strconv.Itoa(size))
	}),
	"download": onSession("/source", func(p *peer, session *webtransport.Session) error {
		size := given.Values.LargeBytes
		answer, err := exchange(p, session, strconv.Itoa(size))
		if err != nil {
			return err
		}
		pattern := make([]byte, size)
		for index := range pattern {
			pattern[index] = byte(index)
		}
		if !bytes.Equal([]byte(answer), pattern) {
			return fmt.Errorf("%d bytes that differ from what was asked for", len(answer))
		}
		return nil
	}),
	"push": onSession("/push?n=2", func(p *peer, session *webtransport.Session) error {
		var seen []string
		for index := range 2 {
			stream, err := session.AcceptStream(p.ctx)
			if err != nil {
				return err
			}
			data, err := io.ReadAll(stream)
			if err != nil {
				return err
			}
			fmt.Fprintf(stream, "reply %d", index)
			stream.Close()
			uni, err := nextUni(p, session)
			if err != nil {
				return err
			}
			datagram, err := session.ReceiveDatagram(p.ctx)
			if err != nil {
				return err
			}
			seen = append(seen, string(data), uni, string(datagram))
		}
		sort.Strings(seen)
		expected := "server-bidi-0,server-bidi-1,server-datagram-0,server-datagram-1,server-uni-0,server-uni-1"
		return check(strings.Join(seen, ","), expected, nil)
	}),
	"server-close": func(p *peer) (string, error) {
		code, reason := given.Values.ServerCloseCode, given.Values.ServerCloseReason
		session, err := p.open(fmt.Sprintf("/close?code=%d&reason=%s", code, url.QueryEscape(reason)))
		if err != nil {
			return "", err
		}
		return "", expectClosed(p, session, code, reason)
	},
	"server-fin": func(p *peer) (string, error) {
		session, err := p.open("/fin")
		if err != nil {
			return "", err
		}
		return "", expectClosed(p, session, 0, "")
	},
	"client-close": func(p *peer) (string, error) { return "", clientClose(p) },
	"server-reset": func(p *peer) (string, error) {
		code := webtransport.StreamErrorCode(given.Values.ServerResetCode)
		session, err := p.open(fmt.Sprintf("/reset?code=%d", code))
		if err != nil {
			return "", err
		}
		defer session.CloseWithError(0, "")
		stream, err := session.OpenStreamSync(p.ctx)
		if err != nil {
			return "", err
		}
		if _, err := stream.Write([]byte("x")); err != nil {
			return "", err
		}
		_, readErr := stream.Read(make([]byte, 1))
		<-stream.Context().Done()
		_, writeErr := stream.Write([]byte("y"))
		expected := &webtransport.StreamError{ErrorCode: code, Remote: true}
		if !errors.Is(readErr, expected) || !errors.Is(writeErr, expected) {
			return "", fmt.Errorf("read: %v, write: %v", readErr, writeErr)
		}
		return "", nil
	},
	"client-reset": onSession("/echo", func(p *peer, session *webtransport.Session) error {
		return halfOpen(p, session, func(stream *webtransport.Stream) {
			stream.CancelWrite(webtransport.StreamErrorCode(given.Values.ResetCode))
		})
	}),
	"client-stop": onSession("/echo", func(p *peer, session *webtransport.Session) error {
		return halfOpen(p, session, func(stream *webtransport.Stream) {
			stream.CancelRead(webtransport.StreamErrorCode(given.Values.StopCode))
		})
	}),
	"reject": func(p *peer) (string, error) {
		return "", refused(p, fmt.Sprintf("/reject?status=%d", given.Values.RejectStatus), given.Values.RejectStatus)
	},
	"not-found": func(p *peer) (string, error) { return "", refused(p, "/no-such-path", http.StatusNotFound) },
	"several-sessions": func(p *peer) (string, error) {
		return "", severalSessions(p)
	},
	"headers": func(p *peer) (string, error) {
		_, session, err := p.transport.Dial(p.ctx, *baseURL+"/headers?a=1", http.Header{"X-Test": {"1"}})
		if err != nil {
			return "", err
		}
		defer session.CloseWithError(0, "")
		answer, err := exchange(p, session, "?")
		if err != nil {
			return "", err
		}
		var headers map[string]string
		if err := json.Unmarshal([]byte(answer), &headers); err != nil {
			return "", err
		}
		seen := headers[":method"] + " " + headers[":path"] + " " + headers["x-test"]
		return headers[":protocol"], check(seen, "CONNECT /headers?a=1 1", nil)
	},
	"subprotocol": func(p *peer) (string, error) {
		p.transport.ApplicationProtocols = []string{"unknown", "bar", "foo.v1"}
		session, err := p.open("/protocol")
		if err != nil {
			return "", err
		}
		defer session.CloseWithError(0, "")
		if err := check(session.SessionState().ApplicationProtocol, "bar", nil); err != nil {
			return "", err
		}
		return "", expectExchange(p, session, "?", "bar")
	},
	"drain": func(p *peer) (string, error) {
		return livesOn("/drain", "no event for it, the session lives on")(p)
	},
	"goaway": livesOn("/goaway", ""),
	"long-session": onSession("/echo", func(p *peer, session *webtransport.Session) error {
		time.Sleep(11 * time.Second)
		return expectExchange(p, session, "still here", "still here")
	}),
}

func onSession(path string, test func(*peer, *webtransport.Session) error) func(*peer) (string, error) {
	return func(p *peer) (string, error) {
		session, err := p.open(path)
		if err != nil {
			return "", err
		}
		defer session.CloseWithError(0, "")
		return "", test(p, session)
	}
}

func livesOn(path, detail string) func(*peer) (string, error) {
	return func(p *peer) (string, error) {
		session, err := p.open(path)
		if err != nil {
			return "", err
		}
		defer session.CloseWithError(0, "")
		return detail, expectExchange(p, session, "still here", "still here")
	}
}

// severalSessions share one QUIC connection; without session flow control webtransport-go allows one only.
func severalSessions(p *peer) error {
	conn, client, err := p.connect()
	if err != nil {
		return err
	}
	defer conn.CloseWithError(0x100, "")
	expected := []string{"s0", "ECHO: s1", "s2"}
	var sessions []*webtransport.Session
	for _, path := range []string{"/echo", "/e2e", "/echo"} {
		_, session, err := client.Dial(p.ctx, *baseURL+path, nil)
		if err != nil {
			return err
		}
		sessions = append(sessions, session)
	}
	for index, session := range sessions {
		if err := expectExchange(p, session, fmt.Sprintf("s%d", index), expected[index]); err != nil {
			return err
		}
		session.CloseWithError(0, "")
	}
	return nil
}

// clientClose has a connection of its own: Dial's is closed together with the session, before the capsule has left.
func clientClose(p *peer) error {
	conn, client, err := p.connect()
	if err != nil {
		return err
	}
	defer conn.CloseWithError(0x100, "")
	_, session, err := client.Dial(p.ctx, *baseURL+"/echo", nil)
	if err != nil {
		return err
	}
	if err := expectExchange(p, session, "x", "x"); err != nil {
		return err
	}
	code := webtransport.SessionErrorCode(given.Values.CloseCode)
	if err := session.CloseWithError(code, given.Values.CloseReason); err != nil {
		return err
	}
	// The answer of another session: by then the server has the capsule.
	_, next, err := client.Dial(p.ctx, *baseURL+"/echo", nil)
	if err != nil {
		return err
	}
	return expectExchange(p, next, "y", "y")
}

func (p *peer) connect() (*quic.Conn, *webtransport.ClientConn, error) {
	target, err := url.Parse(*baseURL)
	if err != nil {
		return nil, nil, err
	}
	conn, err := quic.DialAddr(p.ctx, target.Host, p.transport.TLSClientConfig, p.transport.QUICConfig)
	if err != nil {
		return nil, nil, err
	}
	client, err := p.transport.NewClientConn(conn)
	return conn, client, err
}

func exchange(p *peer, session *webtransport.Session, data string) (string, error) {
	stream, err := session.OpenStreamSync(p.ctx)
	if err != nil {
		return "", err
	}
	go func() {
		stream.Write([]byte(data))
		stream.Close()
	}()
	answer, err := io.ReadAll(stream)
	return string(answer), err
}

func expectExchange(p *peer, session *webtransport.Session, data, expected string) error {
	answer, err := exchange(p, session, data)
	return check(answer, expected, err)
}

// halfOpen ends one half of a stream that has been used, and waits until the server has seen it.
func halfOpen(p *peer, session *webtransport.Session, end func(*webtransport.Stream)) error {
	stream, err := session.OpenStreamSync(p.ctx)
	if err != nil {
		return err
	}
	if _, err := stream.Write([]byte("x")); err != nil {
		return err
	}
	if _, err := stream.Read(make([]byte, 1)); err != nil {
		return err
	}
	end(stream)
	return expectExchange(p, session, "y", "y")
}

func nextUni(p *peer, session *webtransport.Session) (string, error) {
	stream, err := session.AcceptUniStream(p.ctx)
	if err != nil {
		return "", err
	}
	data, err := io.ReadAll(stream)
	return string(data), err
}

func expectClosed(p *peer, session *webtransport.Session, code uint32, reason string) error {
	_, err := session.AcceptStream(p.ctx)
	var closed *webtransport.SessionError
	if !errors.As(err, &closed) {
		return fmt.Errorf("ended with %v", err)
	}
	if !closed.Remote || uint32(closed.ErrorCode) != code || closed.Message != reason {
		return fmt.Errorf("closed with %d %q", closed.ErrorCode, closed.Message)
	}
	return nil
}

func refused(p *peer, path string, status int) error {
	response, session, err := p.transport.Dial(p.ctx, *baseURL+path, nil)
	if err == nil {
		session.CloseWithError(0, "")
		return errors.New("it should have been refused")
	}
	if response == nil {
		return err
	}
	return check(strconv.Itoa(response.StatusCode), strconv.Itoa(status), nil)
}

func check(actual, expected string, err error) error {
	if err != nil {
		return err
	}
	if actual != expected {
		return fmt.Errorf("%.80q instead of %.80q", actual, expected)
	}
	return nil
}
