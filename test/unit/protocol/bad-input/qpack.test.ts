import { FrameType, StreamType } from "../../../../src/constants/http3.ts";
import { encodeHuffman } from "../../../../src/protocol/qpack/huffman.ts";
import { sends, serverReady } from "../core-bench.ts";
import { connectFields, frame, wire } from "../wire.ts";
import type { Wire } from "../wire.ts";

import { tryRows } from "./rows.ts";
import type { Row } from "./rows.ts";

function badSection(name: string, ...section: readonly Wire[]): Row {
  return {
    name: `a field section with ${name} ends the connection`,
    before: serverReady,
    steps: [sends(0, frame(FrameType.headers, ...section))],
    expect: ["close QPACK_DECOMPRESSION_FAILED"],
  };
}

tryRows("field sections", [
  badSection("an indexed field line of static index 99", "0000 ff24"),
  badSection("a name reference to static index 99", "0000 5f54 00"),
  badSection("a required insert count", "0200 d9"),
  badSection("an indexed field line of the dynamic table", "0000 80"),
  badSection("a name reference to the dynamic table", "0000 4000"),
  badSection("a post-base index", "0000 10"),
  badSection("a post-base name reference", "0000 00 00"),
  badSection("a negative base of 0", "0080"),
  badSection("a negative base of 1", "0081"),
  badSection("no byte at all"),
  badSection("a truncated prefix", "00"),
  badSection("a truncated base", "00ff"),
  badSection("nothing but 0xff", "ff"),
  badSection("a dynamic reference 1", "0000 41"),
  badSection("a truncated literal", "0000 27"),
  badSection("a truncated value", "0000 51ff"),
  badSection("a dynamic indexed field line", "0000 bf"),
  badSection("an integer of 10 continuation bytes", "0000 ff ffffffffffffffffff 01"),
  badSection("an integer past 2^62 - 1", "0000 ff ffffffffffffffff 7f"),
  badSection("a literal longer than the section", "0000 51 05 6162"),
  badSection("a literal name longer than the section", "0000 27 7f 6162"),
  badSection("Huffman padding of 8 ones", "0000 51 81 ff"),
  badSection("Huffman padding of zeros", "0000 51 81 00"),
  badSection("EOS in a Huffman-coded string", "0000 51 85 3fffffffff"),
  badSection("one bit of a Huffman-coded string wrong", "0000 51 82 1ffe"),
  {
    name: "the static indices 0 and 62, which older tables did not have, are accepted",
    before: serverReady,
    // :authority "" twice over is malformed, but it decodes.
    steps: [sends(0, frame(FrameType.headers, "0000 c0")), sends(4, frame(FrameType.headers, "0000 fe"))],
    expect: [0, 4].flatMap((id) => [`reset ${id} H3_MESSAGE_ERROR`, `stop ${id} H3_MESSAGE_ERROR`]),
  },
  {
    name: "an empty and a highly compressed Huffman-coded string are accepted",
    before: serverReady,
    steps: [
      sends(
        0,
        frame(
          FrameType.headers,
          "0000 cf 27023a70726f746f636f6c0c7765627472616e73706f7274 d7",
          "500b6578616d706c652e636f6d",
          "c1",
          "21 61 80",
          "2178",
          wire("ff", prefixed(encodeHuffman(new Uint8Array(3000).fill(0x30)).length)),
          encodeHuffman(new Uint8Array(3000).fill(0x30)),
        ),
      ),
    ],
    expect: ["request 0", "write 0 200"],
  },
  {
    name: "a request whose every string is Huffman-coded is accepted",
    before: serverReady,
    steps: [
      sends(0, frame(FrameType.headers, "0000", ...connectFields.map(([name, value]) => huffmanField(name, value)))),
    ],
    expect: ["request 0", "write 0 200"],
  },
  {
    name: "strings of which Huffman code would expand over the limit are refused while they are decoded",
    before: serverReady,
    steps: [
      sends(
        0,
        frame(FrameType.headers, "0000 2178 ff", prefixed(50_000), encodeHuffman(new Uint8Array(80_000).fill(0x30))),
      ),
    ],
    expect: ["write 0 431 fin", "refused 431", "stop 0 H3_NO_ERROR"],
  },
]);

/** The continuation of an integer with a prefix of 7 bits that is full. */
function prefixed(value: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = value - 127; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) | 128);
  }
}

function huffmanField(name: string, value: string): Uint8Array {
  const codedName = encodeHuffman(Buffer.from(name));
  const codedValue = encodeHuffman(Buffer.from(value));
  const first = codedName.length < 7 ? [0x28 | codedName.length] : [0x2f, codedName.length - 7];
  return Uint8Array.from([...first, ...codedName, 0x80 | codedValue.length, ...codedValue]);
}

function onStream(type: number, name: string, code: string | undefined, ...bytes: readonly Wire[]): Row {
  return {
    name: `${name} ${code === undefined ? "is accepted" : "ends the connection"}`,
    before: [...serverReady, sends(6, wire(type))],
    steps: [sends(6, wire(...bytes))],
    expect: code === undefined ? [] : [`close ${code}`],
  };
}

const encoderError = "QPACK_ENCODER_STREAM_ERROR";
tryRows("the peer's QPACK encoder stream", [
  onStream(StreamType.qpackEncoder, "Set Dynamic Table Capacity 0", undefined, "20 20"),
  onStream(StreamType.qpackEncoder, "Set Dynamic Table Capacity 10^10", encoderError, "3fe1c7afa025"),
  onStream(StreamType.qpackEncoder, "Set Dynamic Table Capacity 1", encoderError, "21"),
  onStream(StreamType.qpackEncoder, "an insertion with static index 99", encoderError, "ff24 00"),
  onStream(StreamType.qpackEncoder, "an insertion with a static name", encoderError, "c0 0161"),
  onStream(StreamType.qpackEncoder, "an insertion with a dynamic name", encoderError, "80 0161"),
  onStream(StreamType.qpackEncoder, "an insertion with a literal name", encoderError, "41 61 01 62"),
  onStream(StreamType.qpackEncoder, "a duplicate", encoderError, "01"),
  onStream(StreamType.qpackEncoder, "an integer of 10 continuation bytes", encoderError, "3f ffffffffffffffffff 01"),
  onStream(StreamType.qpackEncoder, "an index past 2^62 - 1", encoderError, "ff ffffffffffffffff 7f"),
]);

const decoderError = "QPACK_DECODER_STREAM_ERROR";
tryRows("the peer's QPACK decoder stream", [
  onStream(StreamType.qpackDecoder, "Stream Cancellation for any stream", undefined, "40 48 7f ff ff 03"),
  onStream(StreamType.qpackDecoder, "an Insert Count Increment of 0", decoderError, "00"),
  onStream(StreamType.qpackDecoder, "an Insert Count Increment of 1", decoderError, "01"),
  onStream(StreamType.qpackDecoder, "a Section Acknowledgment", decoderError, "80"),
  onStream(StreamType.qpackDecoder, "an integer of 10 continuation bytes", decoderError, "7f ffffffffffffffffff 01"),
]);
