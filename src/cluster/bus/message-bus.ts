/** Where a message has come from, and on which channel. */
export interface BusMessage {
  readonly channel: string;
  /** The sender: "cluster" for the process that has the cluster, else the worker's id as text. */
  readonly from: string;
  /** Whether this process has sent it. */
  readonly isLocal: boolean;
}

export type BusListener<Data = unknown> = (data: Data, message: BusMessage) => unknown;

/** Names of channels, and what is sent on each. */
export type BusChannels = object;

/**
 * Carries messages between the processes of an application. `clusterBus()` gives the cluster's own; a broker such as Redis or
 * NATS can be put behind the same interface, to reach other machines, too.
 *
 * What every implementation keeps: a message goes to every listener of its channel in every process, those of the sender's
 * included, and never before `broadcast` has returned; messages of one sender arrive in the order in which it sent them;
 * what a listener throws reaches neither the sender nor other listeners.
 */
export interface MessageBus<Channels extends BusChannels = Record<string, unknown>> {
  /**
   * Sends `data`, anything that can be cloned (structured clone: binary data, Maps, Dates …, but no functions), as it is at
   * the call. Throws TypeError for what cannot, RangeError for a message that is larger than the bus can carry.
   */
  broadcast<Channel extends keyof Channels & string>(channel: Channel, data: Channels[Channel]): void;
  on<Channel extends keyof Channels & string>(channel: Channel, listener: BusListener<Channels[Channel]>): this;
  off<Channel extends keyof Channels & string>(channel: Channel, listener: BusListener<Channels[Channel]>): this;
}

export interface BusStats {
  readonly messagesSent: number;
  readonly messagesReceived: number;
  /** Not handed to a process that was too slow to take them. */
  readonly messagesDropped: number;
  readonly bytesDropped: number;
  /** Now waiting for a process to take them. */
  readonly bytesQueued: number;
}
