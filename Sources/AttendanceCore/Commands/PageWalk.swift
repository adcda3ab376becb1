/// Asks for a list page by page until all of it is there, by the safe rule of docs/protocol.md §8.5.
///
/// `count` is the size of the page on some firmwares and the total on others, `to` is inclusive or exclusive: so
/// neither decides alone, and `to` not at all. A value: pages in, what to ask next out.
package struct PageWalk: Hashable, Sendable {
    /// What is known of one page.
    package struct Page: Hashable, Sendable {
        package var result: Bool?
        package var count: Int64?
        package var from: Int64?
        package var to: Int64?
        /// `index` of `getallusers`, whose pages have one entry each.
        package var index: Int64?
        package var entries: Int
        /// Equal for pages of equal content.
        package var digest: UInt64

        package init(
            result: Bool? = true, count: Int64? = nil, from: Int64? = nil, to: Int64? = nil,
            index: Int64? = nil,
            entries: Int, digest: UInt64
        ) {
            self.result = result
            self.count = count
            self.from = from
            self.to = to
            self.index = index
            self.entries = entries
            self.digest = digest
        }
    }

    package struct Summary: Hashable, Sendable {
        package var pages: Int
        package var entries: Int
        package var ending: Ending

        package init(pages: Int, entries: Int, ending: Ending) {
            self.pages = pages
            self.entries = entries
            self.ending = ending
        }
    }

    package enum Ending: Hashable, Sendable {
        /// All of it is there, as far as anyone can tell.
        case complete
        /// After `maximumPages`: there may be more.
        case tooMany
    }

    package enum Step: Hashable, Sendable {
        /// The page is new: keep it, then ask with these fields.
        case next([String: JSONValue])
        /// The page is new: keep it. There is no other.
        case last(Summary)
        /// Nothing new came, and nothing more will.
        case finished(Summary)
        /// The page was there before. It may have been sent twice, or it is all that this terminal says at the end of
        /// its list: wait a moment for another, then call `nothingElseCame`.
        case repeated
        /// Nothing came under `stn`, although there should be something: ask in the other convention.
        case retry([String: JSONValue])
    }

    private enum Convention: Hashable { case stn, pages }

    package static let maximumPages = 5000
    package static let pageSize: Int64 = 40

    /// Sent with the first request only: the range of days.
    private let range: [String: JSONValue]
    /// How many entries the counters promise; nil when not known.
    private let expected: Int64?
    private let triesPages: Bool
    private var convention = Convention.stn
    private var number: Int64 = 1
    private var base: Int64 = 0
    private var seen: Set<Identity> = []
    package private(set) var pages = 0
    package private(set) var entries = 0

    private struct Identity: Hashable {
        var from: Int64?
        var to: Int64?
        var index: Int64?
        var digest: UInt64
    }

    /// `range` are the fields `from` and `to`. `expected` is `useduser` or `usedlog`: when it is not 0 and `stn` yields
    /// nothing, `page` and `pagesize` are tried, as "AiFace BS" wants them; with `triesPages` also where nothing is
    /// known of the counters.
    package init(range: [String: JSONValue] = [:], expected: Int64? = nil, triesPages: Bool = false) {
        self.range = range
        self.expected = expected
        self.triesPages = triesPages
    }

    /// What to ask first.
    package var first: [String: JSONValue] { range.merging(["stn": .flag(true)]) { _, stn in stn } }

    package var summary: Summary {
        Summary(pages: pages, entries: entries, ending: pages >= Self.maximumPages ? .tooMany : .complete)
    }

    /// A page came. A refusal ends the walk as an empty page does; whether it is one of the whole command is for
    /// others to say.
    package mutating func take(_ page: Page) -> Step {
        guard page.result != false, page.entries > 0 else { return nothingCame() }
        // A page is known by all it says: two punches of one second can make equal pages at different places, and
        // places can be told anew from 0 with each page.
        let identity = Identity(from: page.from, to: page.to, index: page.index, digest: page.digest)
        guard seen.insert(identity).inserted, !isEcho(page) else { return .repeated }
        pages += 1
        entries += page.entries
        guard pages < Self.maximumPages else { return .last(summary) }
        if let count = page.count, count > 0 {
            if let index = page.index, index >= count - 1 { return .last(summary) }
            if count > page.entries, let from = page.from {
                // Where the first page begins with 1, so do the places.
                if pages == 1 { base = from == 1 ? 1 : 0 }
                if from >= count - Int64(page.entries) + base { return .last(summary) }
            }
        }
        lastDigest = page.digest
        number += 1
        return .next(following)
    }

    /// Content that comes again under another place is an echo unless it is a single entry.
    private var lastDigest: UInt64?
    private func isEcho(_ page: Page) -> Bool { page.entries > 1 && page.digest == lastDigest }

    /// After `repeated`: no other page came.
    package func nothingElseCame() -> Step { .finished(summary) }

    private mutating func nothingCame() -> Step {
        let isMissed = expected.map { $0 > 0 } ?? triesPages
        guard pages == 0, convention == .stn, isMissed else { return .finished(summary) }
        convention = .pages
        number = 1
        return .retry(following)
    }

    private var following: [String: JSONValue] {
        switch convention {
        case .stn: return ["stn": .flag(false)]
        case .pages:
            var fields: [String: JSONValue] = ["page": .integer(number), "pagesize": .integer(Self.pageSize)]
            if case .text(let from)? = range["from"] {
                fields["starttime"] = .text(Self.moment(from, "00:00:00"))
            }
            if case .text(let to)? = range["to"] { fields["endtime"] = .text(Self.moment(to, "23:59:59")) }
            return fields
        }
    }

    private static func moment(_ text: String, _ time: String) -> String {
        text.utf8.count > 10 ? text : "\(text) \(time)"
    }

    /// FNV-1a with 64 bits.
    package static func digest(_ parts: some Sequence<some Sequence<UInt8>>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for part in parts {
            for byte in part { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
            // Between parts something that no part has: no UTF-8 holds this byte.
            hash = (hash ^ 0xFF) &* 0x0000_0100_0000_01B3
        }
        return hash
    }
}
