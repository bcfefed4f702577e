// Makes a self-signed certificate (RFC 5280) with node:crypto alone: no key lies in the tree and no openssl is needed.

import { generateKeyPairSync, sign } from "node:crypto";
import { isIP } from "node:net";

export interface Certificate {
  key: string;
  cert: string;
}

/** For the given names and IPv4 addresses, valid from yesterday until tomorrow. */
export function makeCertificate(names: readonly string[]): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = sequence(set(sequence(commonName, utf8("cc-relay test"))));
  const day = 86_400_000;
  const body = sequence(
    explicit(0, integer(2)),
    integer(Date.now()),
    sequence(ecdsaWithSha256),
    name,
    sequence(utcTime(Date.now() - day), utcTime(Date.now() + day)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    explicit(
      3,
      sequence(
        sequence(subjectAltName, octets(sequence(...names.map(generalName)))),
        sequence(basicConstraints, octets(sequence(Buffer.from([0x01, 0x01, 0xff])))),
      ),
    ),
  );
  const signature = sign("sha256", body, privateKey);
  const der = sequence(
    body,
    sequence(ecdsaWithSha256),
    encode(0x03, Buffer.concat([Buffer.from([0]), signature])),
  );
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`,
  };
}

const ecdsaWithSha256 = Buffer.from("06082a8648ce3d040302", "hex");
const commonName = Buffer.from("0603550403", "hex");
const subjectAltName = Buffer.from("0603551d11", "hex");
const basicConstraints = Buffer.from("0603551d13", "hex");

function encode(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head = length < 0x80 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

function sequence(...parts: Buffer[]): Buffer {
  return encode(0x30, Buffer.concat(parts));
}

function set(...parts: Buffer[]): Buffer {
  return encode(0x31, Buffer.concat(parts));
}

function explicit(number: number, content: Buffer): Buffer {
  return encode(0xa0 + number, content);
}

function integer(value: number): Buffer {
  const hex = value.toString(16);
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, "hex");
  return encode(0x02, bytes[0]! < 0x80 ? bytes : Buffer.concat([Buffer.from([0]), bytes]));
}

function utf8(text: string): Buffer {
  return encode(0x0c, Buffer.from(text));
}

function octets(content: Buffer): Buffer {
  return encode(0x04, content);
}

/** YYMMDDHHMMSSZ */
function utcTime(time: number): Buffer {
  const digits = new Date(time).toISOString().replace(/[-:T]/g, "").slice(2, 14);
  return encode(0x17, Buffer.from(`${digits}Z`));
}

function generalName(name: string): Buffer {
  return isIP(name) === 4
    ? encode(0x87, Buffer.from(name.split(".").map(Number)))
    : encode(0x82, Buffer.from(name));
}
