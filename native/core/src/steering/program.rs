//! The classic BPF program that lets the kernel choose the socket of a reuseport group. It loads from the UDP payload and
//! returns the index of a socket.

use super::{
    FIRST_FACTOR, HANDSHAKE, HASHED_LENGTH, LONG_HEADER, LONG_ID, LONG_ID_LENGTH, LONG_TYPE, SECOND_FACTOR, SHORT_ID,
    Shares, UNUSED_BITS,
};
use crate::keys::WORKER_CONNECTION_ID_LENGTH;

/// One instruction, as the kernel's `sock_filter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// Operation.
    pub code: u16,
    /// Instructions to skip when a comparison holds.
    pub if_true: u8,
    /// Instructions to skip when it does not.
    pub if_false: u8,
    /// Operand.
    pub operand: u32,
}

// `linux/bpf_common.h`. A and X are the machine's two registers.
const LOAD_LENGTH: u16 = 0x80;
const LOAD_BYTE: u16 = 0x30;
const LOAD_HALF: u16 = 0x28;
const LOAD_WORD: u16 = 0x20;
const COPY_TO_X: u16 = 0x07;
const MULTIPLY: u16 = 0x24;
const AND: u16 = 0x54;
const SHIFT_RIGHT: u16 = 0x74;
const XOR_X: u16 = 0xac;
const JUMP: u16 = 0x05;
const IF_EQUAL: u16 = 0x15;
const IF_AT_LEAST: u16 = 0x35;
const IF_ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;
const RETURN_A: u16 = 0x16;

/// A long header with the longest connection ID. Clients' packets with a long header are far longer.
const LEAST_LONG_PACKET: u32 = (LONG_ID + 20) as u32;
/// A load beyond the packet's end would end the program with socket 0.
const LEAST_SHORT_PACKET: u32 = (SHORT_ID + 2) as u32;

/// Chooses the socket of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SteeringProgram(Vec<Instruction>);

impl SteeringProgram {
    /// `active`, which must not be empty: sockets of new connections, as for [`Shares::owner`]. `reading`: further sockets
    /// that somebody reads. A packet whose connection ID one of `slots` workers has issued goes to that worker's socket.
    /// Only those of Initial packets, which a client may have chosen itself, must name a socket that is read, too.
    pub fn new(slots: u16, active: &Shares, reading: &[u16]) -> Self {
        let first = u32::from(active.first().unwrap_or(0));
        let mut read: Vec<_> = active.workers().chain(reading.iter().copied()).collect();
        read.sort_unstable();
        read.dedup();
        let choose = choice(active, first);
        let initial = membership(&read);
        let mut program = vec![
            operation(LOAD_LENGTH, 0),
            compare(IF_AT_LEAST, LEAST_SHORT_PACKET, 1, 0),
            operation(RETURN, first),
            operation(LOAD_BYTE, 0),
            compare(IF_ANY_BIT, LONG_HEADER.into(), 4, 0),
            operation(LOAD_HALF, SHORT_ID as u32),
            compare(IF_AT_LEAST, slots.into(), 0, 1),
            operation(RETURN, first),
            operation(RETURN_A, 0),
            // A long header.
            operation(LOAD_LENGTH, 0),
            compare(IF_AT_LEAST, LEAST_LONG_PACKET, 1, 0),
            operation(RETURN, first),
            operation(LOAD_BYTE, LONG_ID_LENGTH as u32),
        ];
        let known = [
            operation(LOAD_BYTE, 0),
            operation(AND, LONG_TYPE.into()),
            compare(IF_EQUAL, HANDSHAKE.into(), 0, 4),
            operation(LOAD_HALF, LONG_ID as u32),
            compare(IF_AT_LEAST, slots.into(), 1, 0),
            operation(RETURN_A, 0),
            operation(JUMP, initial.len() as u32 + 1),
            operation(LOAD_HALF, LONG_ID as u32),
        ];
        program.push(compare(IF_EQUAL, WORKER_CONNECTION_ID_LENGTH as u32, 1, 0));
        program.push(operation(JUMP, (known.len() + initial.len()) as u32));
        program.extend(known);
        program.extend(initial);
        program.extend(choose);
        Self(program)
    }

    /// The program as the kernel takes it.
    pub fn instructions(&self) -> &[Instruction] {
        &self.0
    }
}

/// Returns A if it is in the sorted list, and otherwise goes on behind.
fn membership(sorted: &[u16]) -> Vec<Instruction> {
    let runs = runs(sorted);
    let mut instructions = Vec::new();
    for (index, run) in runs.iter().enumerate() {
        let behind = 4 * (runs.len() - index - 1);
        let start = u32::from(run.first);
        instructions.extend([
            compare(IF_AT_LEAST, start + run.length, 3, 0),
            compare(IF_AT_LEAST, start, 0, 1),
            operation(RETURN_A, 0),
            operation(JUMP, behind as u32),
        ]);
    }
    instructions
}

/// Returns [`Shares::owner`] of the connection ID.
fn choice(active: &Shares, first: u32) -> Vec<Instruction> {
    let mut instructions = vec![
        operation(LOAD_BYTE, LONG_ID_LENGTH as u32),
        compare(IF_AT_LEAST, HASHED_LENGTH as u32, 1, 0),
        operation(RETURN, first),
        operation(LOAD_WORD, LONG_ID as u32),
        operation(MULTIPLY, FIRST_FACTOR),
        operation(COPY_TO_X, 0),
        operation(LOAD_WORD, LONG_ID as u32 + 4),
        operation(XOR_X, 0),
        operation(COPY_TO_X, 0),
        operation(SHIFT_RIGHT, 16),
        operation(XOR_X, 0),
        operation(MULTIPLY, SECOND_FACTOR),
        operation(COPY_TO_X, 0),
        operation(SHIFT_RIGHT, 15),
        operation(XOR_X, 0),
        operation(SHIFT_RIGHT, UNUSED_BITS),
    ];
    let Some((last, before)) = active.ranges().split_last() else {
        return vec![operation(RETURN, first)];
    };
    for range in before {
        instructions.extend([
            compare(IF_AT_LEAST, range.end, 1, 0),
            operation(RETURN, range.worker.into()),
        ]);
    }
    instructions.push(operation(RETURN, last.worker.into()));
    instructions
}

/// Ids that follow each other in a list and are consecutive: a program takes instructions for each run, not for each id.
struct Run {
    first: u16,
    length: u32,
}

fn runs(ids: &[u16]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for id in ids {
        match runs.last_mut() {
            Some(run) if u32::from(run.first) + run.length == u32::from(*id) => run.length += 1,
            _ => runs.push(Run { first: *id, length: 1 }),
        }
    }
    runs
}

fn operation(code: u16, operand: u32) -> Instruction {
    compare(code, operand, 0, 0)
}

fn compare(code: u16, operand: u32, if_true: u8, if_false: u8) -> Instruction {
    Instruction {
        code,
        if_true,
        if_false,
        operand,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a program on a packet, as the kernel does.
    fn run(program: &SteeringProgram, packet: &[u8]) -> u16 {
        let load = |at: u32, length: usize| {
            let bytes = packet.get(at as usize..at as usize + length)?;
            Some(bytes.iter().fold(0_u32, |value, byte| value << 8 | u32::from(*byte)))
        };
        let (mut a, mut x, mut next) = (0_u32, 0_u32, 0);
        loop {
            let Instruction {
                code,
                if_true,
                if_false,
                operand,
            } = program.instructions()[next];
            next += 1;
            let mut branch = |holds: bool| next += usize::from(if holds { if_true } else { if_false });
            match code {
                LOAD_LENGTH => a = packet.len() as u32,
                LOAD_BYTE | LOAD_HALF | LOAD_WORD => {
                    let length = match code {
                        LOAD_BYTE => 1,
                        LOAD_HALF => 2,
                        _ => 4,
                    };
                    match load(operand, length) {
                        Some(value) => a = value,
                        None => return 0,
                    }
                }
                COPY_TO_X => x = a,
                MULTIPLY => a = a.wrapping_mul(operand),
                AND => a &= operand,
                SHIFT_RIGHT => a >>= operand,
                XOR_X => a ^= x,
                JUMP => next += operand as usize,
                IF_EQUAL => branch(a == operand),
                IF_AT_LEAST => branch(a >= operand),
                IF_ANY_BIT => branch(a & operand != 0),
                RETURN => return operand as u16,
                RETURN_A => return a as u16,
                other => panic!("unknown instruction {other:#x}"),
            }
        }
    }

    fn long(kind: u8, id: &[u8]) -> Vec<u8> {
        let mut packet = vec![0xc0 | kind, 0, 0, 0, 1, id.len() as u8];
        packet.extend_from_slice(id);
        packet.resize(1200, 0x55);
        packet
    }

    fn of_worker(worker: u16) -> [u8; WORKER_CONNECTION_ID_LENGTH] {
        let mut id = [0x77; WORKER_CONNECTION_ID_LENGTH];
        id[..2].copy_from_slice(&worker.to_be_bytes());
        id
    }

    fn ids() -> impl Iterator<Item = [u8; 20]> {
        (0..2_000_u64).map(|number| {
            let mut id = [0; 20];
            let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number << 17;
            id[..8].copy_from_slice(&mixed.to_be_bytes());
            id[8..16].copy_from_slice(&mixed.rotate_left(23).to_be_bytes());
            id
        })
    }

    /// Active sockets, evenly and with parts of their own, and further ones that are read.
    fn lists() -> Vec<(Shares, &'static [u16])> {
        let of_parts = |workers: &[u16], parts: &[u32]| Shares::of_parts(workers, parts).unwrap();
        vec![
            (Shares::even(&[0]), &[]),
            (Shares::even(&[0, 1, 2, 3]), &[]),
            (of_parts(&[0, 1, 2, 3], &[4_096, 40_000, 1, 21_439]), &[]),
            (Shares::even(&[0, 5, 2, 3]), &[1]),
            (of_parts(&[5, 0], &[1, 65_535]), &[1]),
            (of_parts(&[0, 5, 2], &[65_534, 1, 1]), &[1]),
            (Shares::even(&[7]), &[0, 2, 4, 6]),
            (Shares::even(&[9, 8, 7, 1, 2, 3, 11]), &[4, 0]),
        ]
    }

    #[test]
    fn an_issued_connection_id_leads_to_its_workers_socket() {
        for (active, reading) in lists() {
            let program = SteeringProgram::new(12, &active, reading);
            for worker in 0..12 {
                let id = of_worker(worker);
                let short = [&[0x41], &id[..], &[9; 30]].concat();
                assert_eq!(run(&program, &short), worker);
                assert_eq!(run(&program, &short[..3]), worker);
                assert_eq!(run(&program, &long(0x20, &id)), worker);
                let is_read = active.contains(worker) || reading.contains(&worker);
                let initial = run(&program, &long(0x00, &id));
                let expected = if is_read { worker } else { active.owner(&id).unwrap() };
                assert_eq!(
                    initial, expected,
                    "Initial of worker {worker} with {active:?}, {reading:?}"
                );
            }
        }
    }

    #[test]
    fn a_connection_id_that_nobody_has_issued_leads_to_its_owner() {
        for (active, reading) in lists() {
            let program = SteeringProgram::new(12, &active, reading);
            for id in ids() {
                for length in [8, 11, 13, 20] {
                    let id = &id[..length];
                    for kind in [0x00, 0x10, 0x20] {
                        assert_eq!(run(&program, &long(kind, id)), active.owner(id).unwrap());
                    }
                }
                let id = [&[0xff], &id[..11]].concat();
                for kind in [0x00, 0x20] {
                    assert_eq!(run(&program, &long(kind, &id)), active.owner(&id).unwrap());
                }
            }
        }
    }

    #[test]
    fn whatever_is_no_packet_goes_to_the_first_active_socket() {
        for (active, reading) in lists() {
            let program = SteeringProgram::new(12, &active, reading);
            let first = active.first().unwrap();
            let longest = long(0x00, &[1; 20]);
            for length in 0..26 {
                assert_eq!(run(&program, &longest[..length]), first);
            }
            for short in [&[][..], &[0x40], &[0x40, 0], &[0x40, 0, 12, 1], &[0x40, 0xff, 0xff]] {
                assert_eq!(run(&program, short), first);
            }
            for length in 0..8 {
                assert_eq!(run(&program, &long(0x00, &[1; 20][..length])), first);
            }
        }
    }

    #[test]
    fn every_value_of_the_hash_leads_to_its_owner() {
        let uneven: Vec<u32> = (0..255).map(|number| number % 7 * 60 + 1).collect();
        let rest = 65_536 - uneven.iter().sum::<u32>();
        let workers: Vec<u16> = (0..256).collect();
        let shares = [
            Shares::even(&workers),
            Shares::of_parts(&workers, &[&uneven[..], &[rest]].concat()).unwrap(),
            Shares::of_parts(&[3, 200, 7], &[1, 65_534, 1]).unwrap(),
        ];
        let programs = shares.map(|active| (SteeringProgram::new(256, &active, &[]), active));
        let mut seen = vec![false; 65_536];
        for number in 0..1_000_000_u64 {
            let mut id = [0; 8];
            id.copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
            let value = super::super::hash(&id) as usize;
            if std::mem::replace(&mut seen[value], true) {
                continue;
            }
            let packet = long(0x00, &id);
            for (program, active) in &programs {
                assert_eq!(run(program, &packet), active.owner(&id).unwrap(), "value {value}");
            }
        }
        assert!(seen.iter().all(|seen| *seen));
    }

    #[test]
    fn the_longest_program_is_within_the_kernels_limit() {
        let (even, odd): (Vec<u16>, Vec<u16>) = (0..super::super::MOST_WORKERS).partition(|id| id % 2 == 0);
        let scattered: Vec<u16> = even.iter().zip(&odd).flat_map(|(a, b)| [*b, *a]).collect();
        for (active, reading) in [(&even, &[][..]), (&even, &odd), (&scattered, &[])] {
            let active = Shares::even(active);
            let program = SteeringProgram::new(256, &active, reading);
            assert!(program.instructions().len() < 4096, "BPF_MAXINSNS");
            for id in ids() {
                assert_eq!(run(&program, &long(0x00, &id)), active.owner(&id).unwrap());
            }
        }
    }
}
