/**
 * A file of an organization, from the leave to upload it, or from its production, to its removal.
 *
 *   none ─► requested ─► uploaded ─► stored ─► gone ─► removed
 *     │         └───────────┴─────────────────► gone
 *     └─► stored (an output)
 *
 * Who asks for a file that is another organization's learns what he would of one that does not
 * exist.
 */
import type { Timestamp } from '../../contracts/events/envelope.js';
import type {
  FileContent,
  FileEvent,
  FileReader,
  UploadPurpose,
} from '../../contracts/events/file.js';
import type { ApiKeyId, FileId, OrganizationId } from '../../contracts/ids.js';
import { accept, alreadyDone, reject, type Decision, type Of } from '../decider.js';
import { contentOf } from './view.js';

export const category = 'file';

export type Event = FileEvent;

export type Command =
  | {
      type: 'RequestUpload';
      fileId: FileId;
      organizationId: OrganizationId;
      apiKeyId: ApiKeyId;
      purpose: UploadPurpose;
      ttlDays: number;
      uploadExpiresAt: Timestamp;
      at: Timestamp;
    }
  | { type: 'RecordUpload'; sizeBytes: number; sha256: string; at: Timestamp }
  | { type: 'Confirm'; content: FileContent; at: Timestamp }
  | {
      type: 'RecordDownloads';
      readers: readonly FileReader[];
      others?: number;
      since: Timestamp;
      at: Timestamp;
    }
  | { type: 'Delete'; at: Timestamp }
  | { type: 'Expire'; at: Timestamp }
  | { type: 'RecordRemoval'; at: Timestamp };

export type Rejection =
  | 'FileExists'
  | 'FileUnknown'
  | 'UploadUsed'
  | 'UploadExpired'
  | 'NotUploaded'
  | 'FileNotExpired'
  | 'FileNotDeleted';

interface Known {
  readonly fileId: FileId;
  readonly organizationId: OrganizationId;
}

interface Requested extends Known {
  readonly purpose: UploadPurpose;
  readonly ttlDays: number;
  readonly uploadExpiresAt: Timestamp;
}

interface Bytes {
  readonly sizeBytes: number;
  readonly sha256: string;
}

interface Stored extends Known {
  readonly content: FileContent;
  readonly expiresAt?: Timestamp;
}

export type State =
  | { readonly status: 'none' }
  | ({ readonly status: 'requested' } & Requested)
  | ({ readonly status: 'uploaded'; readonly bytes: Bytes } & Requested)
  | ({ readonly status: 'stored' } & Stored)
  /** Deleted or expired; its bytes may still be used by executions that run. */
  | ({ readonly status: 'gone' } & Known)
  | ({ readonly status: 'removed' } & Known);

export const initial = (): State => ({ status: 'none' });

export function evolve(state: State, { type, data }: Event): State {
  const { fileId, organizationId } = data;
  switch (type) {
    case 'FileUploadRequested': {
      const { purpose, ttlDays, uploadExpiresAt } = data;
      const about = { fileId, organizationId, purpose, ttlDays, uploadExpiresAt };
      return { status: 'requested', ...about };
    }
    case 'FileUploaded': {
      if (state.status !== 'requested') return state;
      const { sizeBytes, sha256 } = data;
      return { ...state, status: 'uploaded', bytes: { sizeBytes, sha256 } };
    }
    case 'FileStored':
    case 'FileConfirmed': {
      const { expiresAt } = data;
      const content = contentOf(data);
      return {
        status: 'stored',
        fileId,
        organizationId,
        content,
        ...(expiresAt !== undefined && { expiresAt }),
      };
    }
    case 'FileDownloaded':
      return state;
    case 'FileDeleted':
    case 'FileExpired':
      return { status: 'gone', fileId, organizationId };
    case 'FileRemoved':
      return { status: 'removed', fileId, organizationId };
  }
}

export function decide(state: State, command: Command): Decision<Event, Rejection> {
  switch (state.status) {
    case 'none':
      return whileNone(command);
    case 'requested':
      return whileRequested(command, state);
    case 'uploaded':
      return whileUploaded(command, state);
    case 'stored':
      return whileStored(command, state);
    case 'gone':
      return whileGone(command, state);
    case 'removed':
      return onceRemoved(command);
  }
}

function whileNone(command: Command): Decision<Event, Rejection> {
  if (command.type !== 'RequestUpload') return reject('FileUnknown');
  const { type: _, ...data } = command;
  return accept({ type: 'FileUploadRequested', data });
}

type In<S extends State['status']> = Extract<State, { status: S }>;

function whileRequested(command: Command, state: In<'requested'>): Decision<Event, Rejection> {
  switch (command.type) {
    case 'RequestUpload':
      return reject('FileExists');
    case 'RecordUpload': {
      const { type: _, ...bytes } = command;
      return accept({ type: 'FileUploaded', data: { ...of(state), ...bytes } });
    }
    case 'Confirm':
      return confirmAdopted(command, state);
    case 'Delete':
      return accept({ type: 'FileDeleted', data: { ...of(state), sizeBytes: 0, at: command.at } });
    case 'Expire':
      return expireUpload(command, state, 0);
    case 'RecordDownloads':
      return reject('NotUploaded');
    case 'RecordRemoval':
      return reject('FileNotDeleted');
  }
}

/** Bytes that came whole before a crash kept it from being recorded. */
function confirmAdopted(command: Of<Command, 'Confirm'>, state: In<'requested'>) {
  const { sizeBytes, sha256 } = command.content;
  const uploaded: Event = {
    type: 'FileUploaded',
    data: { ...of(state), sizeBytes, sha256, at: command.at },
  };
  return accept<Event>(uploaded, confirmed(command, state));
}

const confirmed = ({ content, at }: Of<Command, 'Confirm'>, state: Requested): Event => ({
  type: 'FileConfirmed',
  data: {
    ...of(state),
    purpose: state.purpose,
    ...contentOf(content),
    expiresAt: daysLater(at, state.ttlDays),
    at,
  },
});

function expireUpload(
  { at }: Of<Command, 'Expire'>,
  state: Requested,
  sizeBytes: number,
): Decision<Event, Rejection> {
  if (at < state.uploadExpiresAt) return reject('FileNotExpired');
  return accept({ type: 'FileExpired', data: { ...of(state), sizeBytes, at } });
}

function whileUploaded(command: Command, state: In<'uploaded'>): Decision<Event, Rejection> {
  const { sizeBytes, sha256 } = state.bytes;
  switch (command.type) {
    case 'RequestUpload':
      return reject('FileExists');
    case 'RecordUpload':
      return command.sha256 === sha256 ? alreadyDone : reject('UploadUsed');
    case 'Confirm':
      if (command.content.sha256 !== sha256) return reject('NotUploaded');
      return accept(confirmed(command, state));
    case 'Delete':
      return accept({ type: 'FileDeleted', data: { ...of(state), sizeBytes, at: command.at } });
    case 'Expire':
      return expireUpload(command, state, sizeBytes);
    case 'RecordDownloads':
      return reject('NotUploaded');
    case 'RecordRemoval':
      return reject('FileNotDeleted');
  }
}

function whileStored(command: Command, state: In<'stored'>): Decision<Event, Rejection> {
  const { content, expiresAt } = state;
  const { sizeBytes } = content;
  switch (command.type) {
    case 'RequestUpload':
      return reject('FileExists');
    case 'RecordUpload':
      return command.sha256 === content.sha256 ? alreadyDone : reject('UploadUsed');
    case 'Confirm':
      return alreadyDone;
    case 'RecordDownloads': {
      const { type: _, ...data } = command;
      return accept({ type: 'FileDownloaded', data: { ...of(state), ...data } });
    }
    case 'Delete':
      return accept({ type: 'FileDeleted', data: { ...of(state), sizeBytes, at: command.at } });
    case 'Expire':
      if (expiresAt === undefined || command.at < expiresAt) return reject('FileNotExpired');
      return accept({ type: 'FileExpired', data: { ...of(state), sizeBytes, at: command.at } });
    case 'RecordRemoval':
      return reject('FileNotDeleted');
  }
}

function whileGone(command: Command, state: In<'gone'>): Decision<Event, Rejection> {
  switch (command.type) {
    case 'Delete':
    case 'Expire':
      return alreadyDone;
    case 'RecordDownloads': {
      // It was read before it went.
      const { type: _, ...data } = command;
      return accept({ type: 'FileDownloaded', data: { ...of(state), ...data } });
    }
    case 'RecordRemoval':
      return accept({ type: 'FileRemoved', data: { ...of(state), at: command.at } });
    case 'RequestUpload':
    case 'RecordUpload':
    case 'Confirm':
      return reject('FileUnknown');
  }
}

const onceRemoved = ({ type }: Command): Decision<Event, Rejection> =>
  type === 'Delete' || type === 'Expire' || type === 'RecordRemoval'
    ? alreadyDone
    : reject('FileUnknown');

const of = ({ fileId, organizationId }: Known) => ({ fileId, organizationId });

const DAY_MS = 86_400_000;

const daysLater = (at: Timestamp, days: number): Timestamp =>
  new Date(Date.parse(at) + days * DAY_MS).toISOString();

/** What to do with an upload to its URL at that moment; undefined: take it. */
export function uploadRefusal(state: State, at: Timestamp): Rejection | undefined {
  switch (state.status) {
    case 'requested':
      return at < state.uploadExpiresAt ? undefined : 'UploadExpired';
    case 'uploaded':
    case 'stored':
      return 'UploadUsed';
    case 'none':
    case 'gone':
    case 'removed':
      return 'FileUnknown';
  }
}
