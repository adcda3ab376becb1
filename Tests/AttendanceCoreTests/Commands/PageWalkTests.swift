import Testing

@testable import AttendanceCore

/// Lists in pages, from terminals of every convention.
@Suite struct PageWalkTests {
    /// A terminal that has `total` entries and tells of them in its own way.
    struct Terminal: CustomTestStringConvertible {
        enum Count: CaseIterable { case page, total, none }
        enum To: CaseIterable { case inclusive, exclusive, none }
        enum From: CaseIterable { case place, placeFromOne, zero, none }
        enum End: CaseIterable { case empty, refusal, repeatsLast, beginsAnew }

        var total: Int
        var size: Int
        var count: Count
        var to: To
        var from: From
        var end: End
        /// Takes `page` and `pagesize`, and knows nothing of `stn`.
        var wantsPages = false
        var cursor = 0
        var asked = 0

        var testDescription: String {
            "\(total) by \(size), count \(count), to \(to), from \(from), end \(end), pages \(wantsPages)"
        }

        mutating func answer(_ fields: [String: JSONValue]) -> (page: PageWalk.Page, entries: Range<Int>) {
            asked += 1
            var start = cursor
            var size = size
            if wantsPages {
                guard let page = fields["page"]?.wholeNumber, let wanted = fields["pagesize"]?.wholeNumber
                else {
                    return (PageWalk.Page(count: 0, entries: 0, digest: 0), 0..<0)
                }
                size = min(size, Int(wanted))
                start = (Int(page) - 1) * size
            } else if fields["stn"]?.truth == true {
                start = 0
            }
            if start >= total {
                switch end {
                case .empty: return (PageWalk.Page(count: 0, from: 0, to: 0, entries: 0, digest: 0), 0..<0)
                case .refusal: return (PageWalk.Page(result: false, entries: 0, digest: 0), 0..<0)
                case .repeatsLast: start = total == 0 ? 0 : (total - 1) / size * size
                case .beginsAnew: start = 0
                }
            }
            let entries = start..<min(start + size, total)
            cursor = entries.upperBound
            let base = from == .placeFromOne ? 1 : 0
            let first = from == .zero ? 0 : start + base
            return (
                PageWalk.Page(
                    count: count == .none ? nil : Int64(count == .page ? entries.count : total),
                    from: from == .none ? nil : Int64(first),
                    to: to == .none ? nil : Int64(first + entries.count - (to == .inclusive ? 1 : 0)),
                    entries: entries.count,
                    digest: PageWalk.digest(entries.map { "entry \($0)".utf8 })), entries
            )
        }
    }

    /// Every entry that was kept, and how often it was asked.
    private func walk(_ given: Terminal, expected: Int64? = nil, triesPages: Bool = false)
        -> (entries: [Int], summary: PageWalk.Summary, asked: Int)
    {
        var terminal = given
        var walk = PageWalk(expected: expected, triesPages: triesPages)
        var kept: [Int] = []
        var fields = walk.first
        while true {
            let (page, entries) = terminal.answer(fields)
            switch walk.take(page) {
            case .next(let next):
                kept += entries
                fields = next
            case .retry(let next): fields = next
            case .last(let summary):
                kept += entries
                return (kept, summary, terminal.asked)
            case .finished(let summary): return (kept, summary, terminal.asked)
            case .repeated:
                guard case .finished(let summary) = walk.nothingElseCame() else {
                    return (kept, walk.summary, -1)
                }
                return (kept, summary, terminal.asked)
            }
        }
    }

    @Test(arguments: Terminal.Count.allCases, Terminal.From.allCases)
    func `every entry is there once, whatever count, from, to and the end mean`(
        count: Terminal.Count, from: Terminal.From
    ) {
        for to in Terminal.To.allCases {
            for end in Terminal.End.allCases {
                for (total, size) in [
                    (0, 40), (1, 1), (1, 40), (2, 1), (39, 40), (40, 40), (41, 40), (81, 40), (120, 40),
                    (500, 7),
                ] {
                    for wantsPages in [false, true] {
                        let terminal = Terminal(
                            total: total, size: size, count: count, to: to, from: from, end: end,
                            wantsPages: wantsPages)
                        let result = walk(terminal, expected: Int64(total))
                        #expect(result.entries == Array(0..<total), "\(terminal.testDescription)")
                        #expect(result.summary.entries == total && result.summary.ending == .complete)
                        // One request more than pages, and one for the convention that was tried first.
                        #expect(result.asked <= (total + size - 1) / size + 1 + (wantsPages ? 1 : 0))
                    }
                }
            }
        }
    }

    @Test func `random terminals are read to the end`() {
        var random = SeededGenerator(seed: 85)
        for _ in 0..<4000 {
            let total = Int.random(in: 0...600, using: &random)
            let terminal = Terminal(
                total: total, size: Int.random(in: 1...60, using: &random),
                count: Terminal.Count.allCases.randomElement(using: &random) ?? .page,
                to: Terminal.To.allCases.randomElement(using: &random) ?? .none,
                from: Terminal.From.allCases.randomElement(using: &random) ?? .none,
                end: Terminal.End.allCases.randomElement(using: &random) ?? .empty,
                wantsPages: Bool.random(using: &random))
            let isKnown = Bool.random(using: &random)
            let result = walk(terminal, expected: isKnown ? Int64(total) : nil, triesPages: true)
            #expect(result.entries == Array(0..<total), "\(terminal.testDescription)")
        }
    }

    @Test func `page and pagesize are tried only when something should be there`() {
        let terminal = Terminal(
            total: 50, size: 40, count: .page, to: .none, from: .none, end: .empty, wantsPages: true)
        #expect(walk(terminal).entries == [])
        #expect(walk(terminal, expected: 0, triesPages: true).entries == [])
        #expect(walk(terminal, expected: 3).entries.count == 50)
        #expect(walk(terminal, triesPages: true).entries.count == 50)
    }

    @Test func `a range of days goes with the first request, and under other names with pages`() {
        var walk = PageWalk(
            range: ["from": .text("2026-11-01"), "to": .text("2026-11-02 12:00:00")], expected: 10)
        #expect(
            walk.first == [
                "stn": .flag(true), "from": .text("2026-11-01"), "to": .text("2026-11-02 12:00:00"),
            ])
        #expect(
            walk.take(PageWalk.Page(count: 0, entries: 0, digest: 0))
                == .retry([
                    "page": .integer(1), "pagesize": .integer(40), "starttime": .text("2026-11-01 00:00:00"),
                    "endtime": .text("2026-11-02 12:00:00"),
                ]))
    }

    @Test func `one entry an answer ends with the last index`() {
        var walk = PageWalk()
        for index in 0..<3 as Range<Int64> {
            let page = PageWalk.Page(count: 3, index: index, entries: 1, digest: UInt64(index))
            let step = walk.take(page)
            if index < 2 {
                #expect(step == .next(["stn": .flag(false)]))
            } else {
                #expect(step == .last(PageWalk.Summary(pages: 3, entries: 3, ending: .complete)))
            }
        }
    }

    @Test func `two equal punches on two pages of one are two`() {
        var walk = PageWalk()
        #expect(
            walk.take(PageWalk.Page(count: 2, from: 0, to: 1, entries: 1, digest: 7))
                == .next(["stn": .flag(false)]))
        #expect(
            walk.take(PageWalk.Page(count: 2, from: 1, to: 2, entries: 1, digest: 7))
                == .last(PageWalk.Summary(pages: 2, entries: 2, ending: .complete)))
    }

    @Test func `a terminal that never ends is stopped`() {
        var walk = PageWalk()
        var page = PageWalk.Page(count: 40, entries: 40, digest: 0)
        for number in 1...PageWalk.maximumPages {
            page.digest = UInt64(number)
            page.from = Int64(number)
            let step = walk.take(page)
            if number < PageWalk.maximumPages {
                #expect(step == .next(["stn": .flag(false)]))
            } else {
                #expect(step == .last(PageWalk.Summary(pages: 5000, entries: 200_000, ending: .tooMany)))
            }
        }
    }

    @Test func `no numbers of a terminal make it trap`() {
        let numbers: [Int64?] = [nil, .min, -1, 0, 1, .max]
        for count in numbers {
            for from in numbers {
                for index in numbers {
                    var walk = PageWalk(expected: count)
                    for digest in 0..<3 as Range<UInt64> {
                        _ = walk.take(
                            PageWalk.Page(
                                count: count, from: from, to: from, index: index, entries: 1, digest: digest))
                    }
                }
            }
        }
    }
}
