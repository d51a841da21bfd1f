import type { TextMapGetter, TextMapSetter } from "@opentelemetry/api";

type FieldList = readonly (readonly [name: string, value: string])[];

/** Reads header fields as they came: `Headers` of a request are created lazily, and tracing need not be the reason. */
export const fieldGetter: TextMapGetter<FieldList> = {
  keys: (fields) => fields.map(([name]) => name).filter((name) => !name.startsWith(":")),
  get: (fields, key) => {
    const name = key.toLowerCase();
    const values = fields.filter(([each]) => each === name).map(([, value]) => value);
    return values.length > 1 ? values : values[0];
  },
};

export const headersSetter: TextMapSetter<Headers> = {
  set: (headers, key, value) => {
    headers.set(key, value);
  },
};
