/**
 * Structured clone to bytes and back, by V8. `serialize` of node:v8 gives back views of the received bytes: here every view
 * of a message owns its memory, so that it can be kept, changed or transferred, and only a view's own bytes travel.
 */
import type { Deserializer, Serializer } from "node:v8";

/** Their index is on the wire: only processes of one version of this package talk to each other. */
const viewTypes: readonly (new (buffer: ArrayBuffer) => ArrayBufferView)[] = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
];

const uint8Array = viewTypes.indexOf(Uint8Array);

/** Throws what V8 throws for a value that cannot be cloned. */
export function toBytes(value: unknown): Buffer {
  cloning ??= makeCloning();
  const serializer = new cloning.ViewSerializer();
  serializer.writeHeader();
  serializer.writeValue(value);
  return serializer.releaseBuffer();
}

export function fromBytes(bytes: Uint8Array): unknown {
  cloning ??= makeCloning();
  const deserializer = new cloning.ViewDeserializer(bytes);
  deserializer.readHeader();
  return deserializer.readValue();
}

interface Cloning {
  readonly ViewSerializer: new () => Serializer;
  readonly ViewDeserializer: new (bytes: Uint8Array) => Deserializer;
}

/** Created lazily: few who import the server use a bus. */
let cloning: Cloning | undefined;

function makeCloning(): Cloning {
  const v8 = process.getBuiltinModule("node:v8");

  class ViewSerializer extends v8.Serializer {
    constructor() {
      super();
      (this as unknown as HostObjects)._setTreatArrayBufferViewsAsHostObjects(true);
    }

    /** Called by V8 with every view, and with what cannot be cloned. */
    _writeHostObject(value: object): void {
      if (!ArrayBuffer.isView(value)) throw new TypeError(`${Object.prototype.toString.call(value)} cannot be cloned`);
      const index = viewTypes.findIndex((type) => value.constructor === type);
      // A Buffer arrives as what it is underneath.
      this.writeUint32(index < 0 ? uint8Array : index);
      this.writeUint32(value.byteLength);
      this.writeRawBytes(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    }
  }

  class ViewDeserializer extends v8.Deserializer {
    _readHostObject(): ArrayBufferView {
      const type = viewTypes[this.readUint32()] ?? Uint8Array;
      const bytes = Uint8Array.from(this.readRawBytes(this.readUint32()));
      return new type(bytes.buffer);
    }
  }

  return { ViewSerializer, ViewDeserializer };
}

/** Of node:v8's Serializer; its types leave it out. */
interface HostObjects {
  _setTreatArrayBufferViewsAsHostObjects(isHostObject: boolean): void;
}
