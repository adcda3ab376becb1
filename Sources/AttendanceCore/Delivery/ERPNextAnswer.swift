/// What came back from an ERPNext site, as little of HTTP as is needed to judge it.
package struct ERPNextAnswer: Hashable, Sendable {
    package var status: Int
    /// The `Retry-After` header as it came: seconds or a date.
    package var retryAfter: String?
    /// The `Date` header as it came: the site's own clock, by which a date in `Retry-After` is meant.
    package var date: String?
    /// The `Location` header of a redirect.
    package var location: String?
    /// At most `maximumBody` bytes; what a site sends beyond is never read.
    package var body: [UInt8]

    package static let maximumBody = 1 << 20
    /// A wrong header must not stop the gateway for a week.
    package static let longestWait: Duration = .seconds(3600)

    package init(
        status: Int, retryAfter: String? = nil, date: String? = nil, location: String? = nil,
        body: [UInt8] = []
    ) {
        self.status = status
        self.retryAfter = retryAfter
        self.date = date
        self.location = location
        self.body = body
    }

    /// Which of the two ways in was asked.
    package enum Dialect: Hashable, Sendable {
        /// `add_log_based_on_employee_field`; `time` is what the answer must echo (`YYYY-MM-DD HH:MM:SS`).
        case hrms(time: String)
        /// The site's own method, as the older service called it (docs/erpnext.md §9).
        case customMethod
    }

    /// By what the site was to find the person: an Employee column and its value. With them an answer is understood
    /// whose words are in another language.
    package struct Lookup: Hashable, Sendable {
        package var field: String
        package var value: String

        package init(field: String, value: String) {
            self.field = field
            self.value = value
        }
    }

    /// What is known beside the answer.
    package struct Context: Hashable, Sendable {
        package var dialect: Dialect
        /// Counted attempts for this punch before this one.
        package var attemptsBefore: Int
        /// Answers 200 without JSON that came one after the other just before this one.
        package var pagesBefore: Int
        package var lookup: Lookup?

        package init(
            _ dialect: Dialect, attemptsBefore: Int = 0, pagesBefore: Int = 0, lookup: Lookup? = nil
        ) {
            self.dialect = dialect
            self.attemptsBefore = attemptsBefore
            self.pagesBefore = pagesBefore
            self.lookup = lookup
        }
    }

    /// The judgement: what it means for the punch and the site, under which class it is counted, and the site's words
    /// (one line, no markup, at most 500 characters).
    package struct Verdict: Hashable, Sendable {
        package var outcome: DeliveryOutcome
        package var answer: AnswerClass
        /// The site's own, or for a check-in that holds another time what is wrong with it: its name, the time it
        /// holds and the one that was sent.
        package var words: String?
        /// The name of what the site stored or had, also when it stored it wrongly.
        package var reference: String?
        /// 200 and no JSON: to be counted by whoever keeps `Context.pagesBefore`.
        package var isPage = false
        /// 413: the request was larger than the site takes. For several check-ins at once: send fewer.
        package var isTooLarge = false
        /// Set where a link alone says that the check-in is there already, since its words are in no language known
        /// here. Whoever can, should look whether `reference` has the time that was sent; this holds if it has not.
        package var ifAbsent: DeliveryOutcome?

        // MARK: The check-in that was stored

        /// Document name of the Employee.
        package var employee: String?
        /// Name of the Shift Type the site counts it to; nil outside of every shift.
        package var shift: String?
        /// The site's own time until which that shift takes check-ins. When it lies before the Shift Type's
        /// `last_sync_of_checkin`, the shift was marked already and this check-in came too late (docs/erpnext.md §5).
        package var shiftActualEnd: WallTime?
        /// What the check-in's `time` became, by the site's answer.
        package var storedTime: WallTime?

        package init(
            outcome: DeliveryOutcome, answer: AnswerClass, words: String? = nil, reference: String? = nil
        ) {
            self.outcome = outcome
            self.answer = answer
            self.words = words
            self.reference = reference
        }

        /// A check-in that the site made with another time than the one that was sent.
        ///
        /// - `stored`: the time it holds, as the site says it.
        package static func wrongTime(_ reference: String, stored: String?, sent: String) -> Verdict {
            let holds =
                stored.map { "holds \(PlainText.line($0, limit: 40))" } ?? "does not say which time it holds"
            var verdict = Verdict(
                outcome: .siteMisconfigured(
                    fault: .wrongTime,
                    reason: "the site stored check-in \(reference) with another time than the one sent",
                    remedy:
                        "give the API user the role HR User (write at permission level 1 on Employee Checkin), "
                        + "then correct the named check-ins"),
                answer: .configuration, words: "\(reference) \(holds); sent was \(sent)", reference: reference
            )
            verdict.storedTime = stored.flatMap { WallTime($0) }
            return verdict
        }
    }

    /// The table of docs/erpnext.md §8, corrected by what a live site answered. Never fails, whatever the bytes.
    package func verdict(_ context: Context) -> Verdict {
        ERPNextJudge(answer: self, body: FrappeBody(body), context: context).verdict()
    }

    /// How long the site asks to wait, by its own clock; nil where it says nothing that can be read. At most
    /// `longestWait`.
    package var wait: Duration? {
        Duration(retryAfter: retryAfter, date: date, atMost: Self.longestWait)
    }
}
