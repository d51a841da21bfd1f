// The paths of the peer application that a peer's server has, with webtransport-go.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
)

const chunkBytes = 65536

type handler func(session *webtransport.Session, query url.Values)

func main() {
	certificate := flag.String("cert", "", "certificate, PEM")
	key := flag.String("key", "", "private key, PEM")
	flowControl := flag.Bool("flow-control", false, "session flow control")
	flag.Parse()

	pair, err := tls.LoadX509KeyPair(*certificate, *key)
	if err != nil {
		log.Fatal(err)
	}
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	server := &webtransport.Server{
		H3: &http3.Server{
			Handler:   mux,
			TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{pair}}),
			QUICConfig: &quic.Config{
				EnableDatagrams:                  true,
				EnableStreamResetPartialDelivery: true,
				KeepAlivePeriod:                  5 * time.Second,
			},
		},
		ApplicationProtocols: []string{"foo.v1", "bar"},
	}
	if *flowControl {
		server.Config = &webtransport.Config{
			MaxIncomingStreams: 64, MaxIncomingUniStreams: 64, MaxIncomingData: 256 * 1024,
		}
	}
	routes := map[string]handler{
		"/echo": echo,
		"/e2e": onStreams(func(stream *webtransport.Stream) {
			answer(stream, func(data []byte) string { return "ECHO: " + string(data) })
		}),
		"/sink": onStreams(func(stream *webtransport.Stream) {
			answer(stream, func(data []byte) string { return strconv.Itoa(len(data)) })
		}),
		"/source":   onStreams(source),
		"/push":     push,
		"/close":    closeSession,
		"/reset":    reset,
		"/protocol": protocol,
	}
	for path, handle := range routes {
		mux.HandleFunc(path, func(response http.ResponseWriter, request *http.Request) {
			session, err := server.Upgrade(response, request)
			if err != nil {
				log.Printf("%s: %v", path, err)
				return
			}
			go tellEnd(session, path)
			handle(session, request.URL.Query())
		})
	}
	mux.HandleFunc("/reject", func(response http.ResponseWriter, request *http.Request) {
		status, err := strconv.Atoi(request.URL.Query().Get("status"))
		if err != nil {
			status = http.StatusForbidden
		}
		response.WriteHeader(status)
	})

	fmt.Printf("listening %s\n", socket.LocalAddr())
	log.Fatal(server.Serve(socket))
}

func tellEnd(session *webtransport.Session, path string) {
	<-session.Context().Done()
	var closed *webtransport.SessionError
	// The context does not tell why it was cancelled; accepting does.
	if _, err := session.AcceptUniStream(context.Background()); errors.As(err, &closed) {
		fmt.Printf("session_close %s %d %s\n", path, closed.ErrorCode, closed.Message)
	} else {
		fmt.Printf("session_lost %s %v\n", path, err)
	}
}

func tellStream(err error) {
	var failed *webtransport.StreamError
	if errors.As(err, &failed) && failed.Remote {
		fmt.Printf("stream_reset %d\n", failed.ErrorCode)
	}
}

func onStreams(serve func(stream *webtransport.Stream)) handler {
	return func(session *webtransport.Session, _ url.Values) {
		for {
			stream, err := session.AcceptStream(context.Background())
			if err != nil {
				return
			}
			go serve(stream)
		}
	}
}

func echo(session *webtransport.Session, query url.Values) {
	go func() {
		for {
			stream, err := session.AcceptUniStream(context.Background())
			if err != nil {
				return
			}
			data, err := io.ReadAll(stream)
			if err != nil {
				continue
			}
			if answer, err := session.OpenUniStreamSync(context.Background()); err == nil {
				answer.Write(data)
				answer.Close()
			}
		}
	}()
	go func() {
		for {
			datagram, err := session.ReceiveDatagram(context.Background())
			if err != nil {
				return
			}
			session.SendDatagram(datagram)
		}
	}()
	onStreams(func(stream *webtransport.Stream) {
		go func() {
			<-stream.Context().Done()
			var stopped *webtransport.StreamError
			if _, err := stream.Write([]byte("x")); errors.As(err, &stopped) && stopped.Remote {
				fmt.Printf("stop_sending %d\n", stopped.ErrorCode)
			}
		}()
		buffer := make([]byte, chunkBytes)
		for {
			length, err := stream.Read(buffer)
			if length > 0 {
				if _, err := stream.Write(buffer[:length]); err != nil {
					return
				}
			}
			if err == io.EOF {
				stream.Close()
				return
			}
			if err != nil {
				tellStream(err)
				stream.CancelWrite(0)
				return
			}
		}
	})(session, query)
}

func answer(stream *webtransport.Stream, make func(data []byte) string) {
	data, err := io.ReadAll(stream)
	if err != nil {
		return
	}
	io.WriteString(stream, make(data))
	stream.Close()
}

func source(stream *webtransport.Stream) {
	request, err := io.ReadAll(io.LimitReader(stream, 32))
	if err != nil {
		return
	}
	remaining, err := strconv.Atoi(strings.TrimSpace(string(request)))
	if err != nil {
		stream.CancelWrite(1)
		return
	}
	chunk := make([]byte, chunkBytes)
	for index := range chunk {
		chunk[index] = byte(index)
	}
	for remaining > 0 {
		length := min(remaining, chunkBytes)
		if _, err := stream.Write(chunk[:length]); err != nil {
			return
		}
		remaining -= length
	}
	stream.Close()
}

func push(session *webtransport.Session, query url.Values) {
	count, _ := strconv.Atoi(query.Get("n"))
	for index := range count {
		if stream, err := session.OpenStreamSync(context.Background()); err == nil {
			fmt.Fprintf(stream, "server-bidi-%d", index)
			stream.Close()
		}
		if stream, err := session.OpenUniStreamSync(context.Background()); err == nil {
			fmt.Fprintf(stream, "server-uni-%d", index)
			stream.Close()
		}
		session.SendDatagram(fmt.Appendf(nil, "server-datagram-%d", index))
	}
	<-session.Context().Done()
}

func closeSession(session *webtransport.Session, query url.Values) {
	code, _ := strconv.ParseUint(query.Get("code"), 10, 32)
	session.CloseWithError(webtransport.SessionErrorCode(code), query.Get("reason"))
}

func reset(session *webtransport.Session, query url.Values) {
	code, _ := strconv.ParseUint(query.Get("code"), 10, 32)
	onStreams(func(stream *webtransport.Stream) {
		stream.Read(make([]byte, 1))
		stream.CancelWrite(webtransport.StreamErrorCode(code))
		stream.CancelRead(webtransport.StreamErrorCode(code))
	})(session, query)
}

func protocol(session *webtransport.Session, query url.Values) {
	onStreams(func(stream *webtransport.Stream) {
		answer(stream, func([]byte) string { return session.SessionState().ApplicationProtocol })
	})(session, query)
}
