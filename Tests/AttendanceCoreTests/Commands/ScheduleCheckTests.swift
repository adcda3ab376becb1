import Testing

@testable import AttendanceCore

/// Zones, holidays, locks and questionnaires, before they are sent.
@Suite struct ScheduleCheckTests {
    private func problems(_ word: String, _ text: String) -> [String] {
        do throws(CommandRefusal) {
            _ = try CommandCatalogue.request(word, texts: [text])
            return []
        } catch {
            return error.problems.map { "\($0.field): \($0.found)" }
        }
    }

    private func zone(_ sections: String...) -> String {
        "{\"day\":[\(sections.map { "{\"section\":\"\($0)\"}" }.joined(separator: ","))]}"
    }

    @Test func `sections of a day zone may touch and may say that there is no access`() {
        #expect(
            problems("setdevlock", "dayzone=[\(zone("08:00~12:00", "12:00~18:00", "00:00~00:00"))]") == [])
        #expect(problems("setdevlock", "dayzone=[\(zone("00:00~23:59"))]") == [])
    }

    @Test func `sections that overlap are refused, with their place`() {
        #expect(
            problems("setdevlock", "dayzone=[\(zone("08:00~09:00")),\(zone("08:00~12:00", "11:00~13:00"))]")
                == ["dayzone[2].day[2].section: 11:00~13:00 overlaps 08:00~12:00"])
    }

    @Test(arguments: ["12:00~08:00", "24:00~24:30", "8~9", "08:00-09:00", "", "08:00~08:00"])
    func `a section of another form is refused`(section: String) {
        #expect(
            problems("setdevlock", "dayzone=[\(zone(section))]") == [
                "dayzone[1].day[1].section: \"\(section)\""
            ])
    }

    @Test func `there are only so many zones and sections`() {
        let six = zone(
            "00:00~01:00", "01:00~02:00", "02:00~03:00", "03:00~04:00", "04:00~05:00", "05:00~06:00")
        #expect(problems("setdevlock", "dayzone=[\(six)]") == ["dayzone[1].day: 6 entries"])
        let nine = Array(repeating: zone("00:00~01:00"), count: 9).joined(separator: ",")
        #expect(problems("setdevlock", "dayzone=[\(nine)]") == ["dayzone: 9 entries"])
        #expect(problems("setdevlock", "dayzone={}") == ["dayzone: {}"])
        #expect(problems("setdevlock", "dayzone=[1]") == ["dayzone[1]: 1"])
    }

    @Test func `a week has seven days that name day zones`() {
        func week(_ days: [Int]) -> String {
            "weekzone=[{\"week\":[\(days.map { "{\"day\":\($0)}" }.joined(separator: ","))]}]"
        }
        #expect(problems("setdevlock", week([1, 2, 3, 4, 5, 0, 8])) == [])
        #expect(problems("setdevlock", week([1, 2, 3, 4, 5, 6])) == ["weekzone[1].week: 6 days"])
        #expect(problems("setdevlock", week([1, 2, 3, 4, 5, 6, 9])) == ["weekzone[1].week[7].day: 9"])
        #expect(
            problems("setdevlock", "lockgroup=[{\"group\":129},{\"group\":\"1234567890\"}]")
                == ["lockgroup[2].group: \"1234567890\""])
    }

    @Test func `a user stands once among the locks, with a window that begins before it ends`() {
        #expect(
            problems(
                "setuserlock",
                """
                record=[{"enrollid":1,"weekzone":1,"group":0,"starttime":"2026-01-01 00:00:00",\
                "endtime":"2026-12-31 23:59:59"},{"enrollid":2,"weekzone4":8}]
                """) == [])
        #expect(
            problems(
                "setuserlock",
                """
                record=[{"enrollid":1,"group":10},{"enrollid":"01","starttime":"2026-01-02 00:00:00",\
                "endtime":"2026-01-01 00:00:00"},{"weekzone":9,"x":1}]
                """) == [
                    "record[1].group: 10",
                    "record[2].endtime: 2026-01-01 00:00:00 is not after 2026-01-02 00:00:00",
                    "record[2].enrollid: 1 stands in an earlier entry", "record[3].weekzone: 9",
                    "record[3].x: no such field", "record[3].enrollid: missing",
                ])
        #expect(problems("setuserlock", "record=[]") == ["record: an empty list"])
    }

    @Test func `holidays must not overlap, over the end of the year neither`() {
        #expect(
            problems(
                "setholiday",
                #"holidays=[{"name":"A","startday":"12-30","endday":"01-02"},{"startday":"1-3","endday":"1-3"}]"#
            )
                == [])
        #expect(
            problems(
                "setholiday",
                #"holidays=[{"startday":"12-30","endday":"01-02"},{"startday":"01-02","endday":"01-05"}]"#)
                == ["holidays[2]: 01-02 to 01-05 overlaps 12-30 to 01-02"])
        #expect(
            problems("setholiday", #"holidays=[{"startday":"02-29","endday":"02-30"}]"#)
                == ["holidays[1].endday: \"02-30\""])
    }

    @Test func `a questionnaire has as many items as may be chosen from, and schedules that name them`()
        throws
    {
        func problems(_ fields: [String: JSONValue]) -> [String] {
            do throws(CommandRefusal) {
                _ = try CommandCatalogue.request("setquestionnaire", fields: fields)
                return []
            } catch {
                return error.problems.map { "\($0.field): \($0.found)" }
            }
        }
        let items = JSONValue.list((1...9).map { .text("item \($0)") })
        #expect(
            problems(["items": items, "radio": .flag(true), "schedules": .list([.text("08:00-09:00*9")])])
                == [])
        #expect(problems(["items": items, "radio": .flag(false)]) == ["items: 9 items"])
        #expect(
            problems(["items": items, "schedules": .list([.text("08:00-09:00*10"), .text("08:30-10:00*1")])])
                == ["schedules[2]: 08:30-10:00 overlaps 08:00-09:00"])
        #expect(
            problems(["items": items, "schedules": .list([.text("08:00-09:00*10")])])
                == ["schedules[1]: item 10 of 9"])
    }
}
