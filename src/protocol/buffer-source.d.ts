/** Named by the types of structured-headers; every host has it, but this layer is compiled without any host's types. */
type BufferSource = ArrayBufferView | ArrayBuffer;
