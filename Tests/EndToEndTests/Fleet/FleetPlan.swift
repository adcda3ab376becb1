import AttendanceCore
import AttendanceSimulation
import Foundation

/// Who hangs where and who is enrolled where: a company with three groups of terminals, the same for equal seeds.
struct FleetPlan: Sendable {
    struct Place: Sendable {
        let serial: String
        let group: String
        var profile: FirmwareProfile
    }
    struct Member: Sendable {
        let id: UInt64
        /// The number of the terminal where they were enrolled.
        let home: Int
        let credentials: [StoredCredential]
    }
    /// What a terminal shall hold of one member, or cannot.
    struct Due: Sendable {
        let id: UInt64
        let credential: StoredCredential
        let fits: Bool
    }

    static let groups = ["north", "south", "east"]
    /// Faces alone, fingerprints of both algorithms, and everything side by side.
    private static let profiles: [[FirmwareProfile]] = [
        [.aiFace, .aiFaceBS, .cmdEcho, .exclusiveTo, .pages], [.th, .tfs], [.aiFace, .tfs, .aiFaceBS, .th],
    ]
    /// Has fewer places for cards than its group has cards.
    static let small = 4
    private static let spareCards = 1

    let seed: UInt64
    private(set) var places: [Place]
    private(set) var members: [Member]

    init(seed: UInt64, terminals: Int, people: Int) {
        self.seed = seed
        places = (0..<terminals).map { number in
            let kind = number % Self.groups.count
            let profiles = Self.profiles[kind]
            return Place(
                serial: "F\(100 + number)", group: Self.groups[kind],
                profile: profiles[number / Self.groups.count % profiles.count])
        }
        var random = SeededGenerator(seed: seed)
        members = []
        for number in 1...UInt64(people) {
            let home = Int.random(in: 0..<terminals, using: &random)
            members.append(
                Member(
                    id: number, home: home,
                    credentials: Self.credentials(of: number, seed, places[home].profile, &random)))
        }
        if places.indices.contains(Self.small) {
            places[Self.small].profile.capacities.cards =
                members.count { $0.home == Self.small && $0.credentials.contains { $0.slot == 11 } }
                + Self.spareCards
        }
    }

    private static func credentials(
        of number: UInt64, _ seed: UInt64, _ profile: FirmwareProfile, _ random: inout SeededGenerator
    ) -> [StoredCredential] {
        var slots = [0]
        if random.happens(0.3) { slots.append(1) }
        if random.happens(0.5) { slots.append(10) }
        if random.happens(0.5) { slots.append(11) }
        if profile.kinds.contains(.photo), random.happens(0.7) { slots.append(50) }
        return slots.map { slot in
            StoredCredential(
                slot: slot,
                record: SimulatedCredential.record(
                    slot: slot, seed: seed &* 1_000_003 &+ number &* 64 &+ UInt64(slot),
                    algorithm: profile.fingerAlgorithm))
        }
    }

    /// What a terminal shall hold of these members, by the rules of docs/people.md: everything of its own group, but
    /// templates only from sensors of its own algorithm, and only what it has places for at all.
    func due(at place: Int, _ members: [Member]) -> [Due] {
        let here = places[place]
        return members.filter { places[$0.home].group == here.group }.flatMap { member in
            let origin = places[member.home].profile
            return member.credentials.map { credential in
                let fits: Bool
                switch credential.kind {
                case .finger: fits = origin.fingerAlgorithm == here.profile.fingerAlgorithm
                case let kind?: fits = here.profile.kinds.contains(kind)
                case nil: fits = false
                }
                return Due(id: member.id, credential: credential, fits: fits)
            }
        }
    }

    /// Everything that is not as it shall be at a terminal, for a person to read; without secrets.
    func faults(at place: Int, _ content: DeviceContent, _ members: [Member]) -> [String] {
        let here = places[place]
        var faults: [String] = []
        var cards = 0
        var wantedCards = 0
        for due in due(at: place, members) {
            let held = content.users[due.id]?[due.credential.slot]
            if due.credential.kind == .card {
                wantedCards += 1
                if held?.record == due.credential.record { cards += 1 }
                if held == nil { continue }
            }
            switch (due.fits, held) {
            case (true, nil): faults.append("\(here.serial) lacks \(due.id)/\(due.credential.slot)")
            case (true, let held?) where held.record != due.credential.record:
                faults.append("\(here.serial) has another \(due.id)/\(due.credential.slot)")
            case (false, _?):
                faults.append(
                    "\(here.serial) has \(due.id)/\(due.credential.slot), which means nothing to it")
            default: break
            }
        }
        let room = here.profile.capacities.cards
        // At the keypad people are enrolled beyond it, after others were copied into its places.
        if cards < min(wantedCards, room) {
            faults.append("\(here.serial) has \(cards) of \(wantedCards) cards and room for \(room)")
        }
        let known = Set(members.filter { places[$0.home].group == here.group }.map(\.id))
        for id in content.users.users.keys where !known.contains(id) {
            faults.append("\(here.serial) has \(id), who belongs elsewhere")
        }
        return faults
    }
}

/// A number from the environment, for those who want more or the same once more.
func number(named name: String, or usual: Int) -> Int {
    ProcessInfo.processInfo.environment[name].flatMap { Int($0) } ?? usual
}
