// The benchmark server on webtransport-go, written as its examples are.
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
)

const chunkBytes = 65536

func main() {
	port := flag.Int("port", 0, "UDP port; 0 picks a free one")
	certificate := flag.String("cert", "", "certificate, PEM")
	key := flag.String("key", "", "private key, PEM")
	flag.Parse()

	pair, err := tls.LoadX509KeyPair(*certificate, *key)
	if err != nil {
		log.Fatal(err)
	}
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: *port})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	server := &webtransport.Server{H3: &http3.Server{
		Handler:   mux,
		TLSConfig: http3.ConfigureTLSConfig(&tls.Config{Certificates: []tls.Certificate{pair}}),
		QUICConfig: &quic.Config{
			EnableDatagrams:                  true,
			EnableStreamResetPartialDelivery: true,
			// The default of 30 s is too near to the 20 s of the idle sessions' keep-alive.
			MaxIdleTimeout: 60 * time.Second,
		},
	}}
	route := func(path string, serve func(stream *webtransport.Stream), datagrams bool) {
		mux.HandleFunc(path, func(response http.ResponseWriter, request *http.Request) {
			session, err := server.Upgrade(response, request)
			if err != nil {
				log.Printf("%s: %v", path, err)
				return
			}
			if datagrams {
				go echoDatagrams(session)
			}
			for {
				stream, err := session.AcceptStream(context.Background())
				if err != nil {
					return
				}
				go serve(stream)
			}
		})
	}
	route("/echo", echo, true)
	route("/sink", sink, false)
	route("/source", source, false)

	fmt.Printf("listening %s\n", socket.LocalAddr())
	log.Fatal(server.Serve(socket))
}

func echoDatagrams(session *webtransport.Session) {
	for {
		datagram, err := session.ReceiveDatagram(context.Background())
		if err != nil {
			return
		}
		if err := session.SendDatagram(datagram); err != nil {
			return
		}
	}
}

func echo(stream *webtransport.Stream) {
	// Small, because every new stream has one.
	buffer := make([]byte, 4096)
	for {
		length, err := stream.Read(buffer)
		if length > 0 {
			if _, err := stream.Write(buffer[:length]); err != nil {
				return
			}
		}
		if err != nil {
			stream.Close()
			return
		}
	}
}

func sink(stream *webtransport.Stream) {
	var total int64
	buffer := make([]byte, chunkBytes)
	for {
		length, err := stream.Read(buffer)
		total += int64(length)
		if err == io.EOF {
			break
		}
		if err != nil {
			return
		}
	}
	fmt.Fprint(stream, total)
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
