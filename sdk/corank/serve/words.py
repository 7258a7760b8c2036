"""Every string that the app shows, in English and in Chinese.

`labels` hands the fixed ones to gradio, which picks the language in the browser; `words_for`
picks it for what the server writes, by the same rule. What the engine says (reasons, errors, the
verdict) and what the data says (titles, column names) comes as it is.
"""

from dataclasses import dataclass

ENGLISH = {
    "about": "{items} items · bundle {source}",
    "search": "Search",
    "recommend": "Recommend",
    "why": "Why",
    "labels": "Labels",
    "functions": "Labelling functions",
    "functions_help": "Each votes on events, from 0 (not wanted) to 3 (exactly what was wanted), "
    "or abstains; the greatest weight of votes wins.",
    "label_function": "Function",
    "label_says": "What it says",
    "label_votes": "Grades",
    "label_coverage": "Votes on",
    "label_overlaps": "With another",
    "label_conflicts": "Against another",
    "label_accuracy": "Right, by your grades",
    "disputed": "Where they disagree",
    "disputed_help": "Press the grade that is right. Press it again to take it back.",
    "no_disputed": "No two functions disagree about any event.",
    "no_data": "Start the app with --data FOLDER to see the events that they disagree about.",
    "grade_it": "Grade {grade} for “{title}”",
    "wins": "counts as {grade}",
    "save_labels": "Save {count} grades as labels.csv",
    "save_help": "Put the file into the data folder: it overrules the functions at the next fit.",
    "report": "Report",
    "query": "What are you looking for?",
    "query_hint": "Describe it in your own words",
    "count": "Answers",
    "maximum": "Highest price (0: any)",
    "who": "Who asks",
    "who_help": "The rules ask for this. Leave empty what is not known.",
    "before_search": "Nothing asked yet",
    "before_search_help": "Write what you need, or press one of the examples. Answers are ranked "
    "by what the words mean, which of them match, and what people chose.",
    "found_one": "1 answer for “{query}”",
    "found": "{count} answers for “{query}”",
    "nothing": "Nothing is left to show",
    "nothing_help": "The rules or the price limit removed every candidate.",
    "unsure": "Not sure enough to answer",
    "unsure_help": "The best that was found is right with a chance of {chance}. Say it in other "
    "words, or ask a person.",
    "sure": "The first answer is right with a chance of {chance}",
    "score": "score",
    "likely": "{chance} likely",
    "likely_help": "How probably it is chosen: how often answers with such a score were.",
    "explain": "Why?",
    "explain_it": "Why “{title}” is here",
    "include": "Add to history",
    "include_it": "Add “{title}” to the history",
    "added": "Added to the history: {title}",
    "moved_by": "moved by rule {rule}",
    "removed": "Removed by rules",
    "visitor": "Try it as somebody",
    "visitor_help": "Their history, and what they say of themselves.",
    "pick": "Add an item to the history",
    "pick_hint": "Type words of its title",
    "pick_help": "Pick from the list; or use “Add to history” in Search.",
    "no_pick": "No title holds these words. Search understands meaning: try it there.",
    "history": "History, oldest first",
    "no_history": "Empty. Without a history, the most popular items are shown.",
    "leave_out_it": "Remove “{title}” from the history",
    "start_over": "Clear",
    "popular": "Most popular",
    "next_one": "Recommended after 1 item",
    "next": "Recommended after {count} items",
    "answer": "Answer",
    "answer_help": "Of the list that was searched for or asked about last",
    "before_why": "No answer to explain yet",
    "before_why_help": "Search, or press “Why?” on any answer; it is taken apart here.",
    "asked": "Search: “{query}”",
    "after": "Recommended after: {titles}",
    "after_nothing": "Most popular, without a history",
    "parts": "Parts of the score",
    "parts_help": "They add up to the score that the list is ordered by.",
    "part_sequence": "What comes next",
    "part_together": "Chosen together",
    "part_text": "Meaning of the text",
    "part_words": "Matching words",
    "part_reading": "Read beside the query",
    "part_popularity": "Popularity",
    "part_price": "Usual price",
    "part_session": "This visit",
    "part_daypart": "Time of day",
    "part_weekend": "Day of the week",
    "part_device": "Device",
    "part_price_band": "Price band",
    "part_history": "Length of the history",
    "part_base": "Starting point",
    "part_rules": "Business rules",
    "total": "Score",
    "reasons": "Reasons",
    "no_reasons": "No single part speaks for it; it stands here by the sum.",
    "rules_on_it": "Rules that moved it",
    "no_rules_on_it": "No rule moved it.",
    "rules_on_list": "What rules removed from this list",
    "no_rules_on_list": "Rules removed nothing.",
    "rule": "Rule",
    "rule_means": "What it says",
    "rule_removed": "Removed",
    "rule_where": "the price limit of this search",
    "words": "What the words do",
    "words_help": "Each word was left out and the text read again; the figure is what the "
    "similarity of the texts loses without it. Solid marks speak for it, dotted ones against it.",
    "in_query": "In the query",
    "in_interests": "In the stated interests",
    "similarity": "similarity {value}",
    "items": "What the history does",
    "items_help": "Each item was left out and everything computed again; the figure is what the "
    "score loses without it.",
    "way": "How it came here",
    "proposed": "Proposed by: {by}",
    "not_proposed": "Nobody proposed it: it is no candidate.",
    "place": "By the score alone: place {place} of {count}",
    "rule_place": "Rule {rule}: place {before} → {after}",
    "gone": "removed",
    "no_report": "This bundle holds no report",
    "no_report_help": "It was saved without being measured, so nothing here says how good it is. "
    "Measure it: corank evaluate {source} --data FOLDER --save",
    "leaks": "This test leaks; the figures are too good.",
    "leading": "{metric}, {split}: every system with its 95% interval",
    "plane": "{metric} against what an answer costs",
    "plane_help": "Higher is better, further right is slower: ten answers to one history, the "
    "median, {ends} on a logarithmic scale.",
    "system": "System",
    "cases": "{count} cases",
    "interval": "95% interval in brackets, where there is one",
    "differences": "corank minus the other, on the same cases",
    "difference": "Difference",
    "providers": "Exposure of providers",
    "providers_help": "Share of the exposure over share of the catalogue, most and least: 1 is as "
    "much as its items would have if all were shown alike.",
    "provider": "Provider",
    "provider_items": "Items",
    "how": "How it was measured",
    "done": "Done",
}

CHINESE = {
    "about": "{items} 件商品 · 模型包 {source}",
    "search": "搜索",
    "recommend": "推荐",
    "why": "原因",
    "labels": "标注",
    "functions": "标注函数",
    "functions_help": "每个函数对事件投票,从 0(不想要)到 3(正是所需),或弃权;权重之和最大者胜。",
    "label_function": "函数",
    "label_says": "含义",
    "label_votes": "等级",
    "label_coverage": "投票占比",
    "label_overlaps": "与他者重叠",
    "label_conflicts": "与他者冲突",
    "label_accuracy": "按您的评分,正确率",
    "disputed": "意见不一之处",
    "disputed_help": "请按正确的等级;再按一次可撤回。",
    "no_disputed": "没有任何两个函数意见不一。",
    "no_data": "启动应用时加上 --data FOLDER,即可查看意见不一的事件。",
    "grade_it": "为“{title}”评 {grade}",
    "wins": "计为 {grade}",
    "save_labels": "将 {count} 个评分存为 labels.csv",
    "save_help": "把文件放进数据文件夹,下次训练时它优先于标注函数。",
    "report": "报告",
    "query": "您在找什么?",
    "query_hint": "用自己的话描述即可",
    "count": "结果数量",
    "maximum": "最高价格(0 为不限)",
    "who": "提问者",
    "who_help": "规则会用到这些信息；不知道的请留空。",
    "before_search": "还没有搜索",
    "before_search_help": "写下您的需要,或点一个示例。结果按语义、匹配的词和大家的选择排序。",
    "found_one": "“{query}”有 1 个结果",
    "found": "“{query}”有 {count} 个结果",
    "nothing": "没有可显示的结果",
    "nothing_help": "规则或价格上限移除了所有候选。",
    "unsure": "把握不足,不予回答",
    "unsure_help": "找到的最佳结果正确的概率为 {chance}。请换种说法,或咨询他人。",
    "sure": "首个结果正确的概率为 {chance}",
    "score": "得分",
    "likely": "被选中的概率约 {chance}",
    "likely_help": "过去得分相近的结果被选中的比例。",
    "explain": "为什么?",
    "explain_it": "为什么有“{title}”",
    "include": "加入历史",
    "include_it": "把“{title}”加入历史",
    "added": "已加入历史:{title}",
    "moved_by": "被规则 {rule} 移动",
    "removed": "被规则移除",
    "visitor": "换一个人试试",
    "visitor_help": "采用其历史与自述。",
    "pick": "向历史中添加",
    "pick_hint": "输入标题中的词",
    "pick_help": "从列表中选取,或在“搜索”中点“加入历史”。",
    "no_pick": "没有标题含有这些词。“搜索”能理解语义,请到那里试试。",
    "history": "历史(从旧到新)",
    "no_history": "空。没有历史时显示最受欢迎的。",
    "leave_out_it": "从历史中移除“{title}”",
    "start_over": "清空",
    "popular": "最受欢迎",
    "next_one": "根据 1 件历史的推荐",
    "next": "根据 {count} 件历史的推荐",
    "answer": "结果",
    "answer_help": "来自最近搜索或查看原因的列表",
    "before_why": "还没有可解释的结果",
    "before_why_help": "先搜索,或在任一结果上点“为什么?”;这里会逐项解释。",
    "asked": "搜索:“{query}”",
    "after": "根据历史推荐:{titles}",
    "after_nothing": "最受欢迎(没有历史)",
    "parts": "得分的组成",
    "parts_help": "各部分之和就是排序所用的得分。",
    "part_sequence": "接下来的选择",
    "part_together": "常一起选择",
    "part_text": "文本语义",
    "part_words": "匹配的词",
    "part_reading": "与查询对照阅读",
    "part_popularity": "受欢迎程度",
    "part_price": "惯常价格",
    "part_session": "本次访问",
    "part_daypart": "时段",
    "part_weekend": "星期",
    "part_device": "设备",
    "part_price_band": "价格档位",
    "part_history": "历史长度",
    "part_base": "起始值",
    "part_rules": "业务规则",
    "total": "得分",
    "reasons": "理由",
    "no_reasons": "没有单独突出的部分;它的位置来自总和。",
    "rules_on_it": "移动它的规则",
    "no_rules_on_it": "没有规则移动它。",
    "rules_on_list": "规则从此列表中移除的",
    "no_rules_on_list": "规则没有移除任何结果。",
    "rule": "规则",
    "rule_means": "内容",
    "rule_removed": "移除数量",
    "rule_where": "本次搜索的价格上限",
    "words": "各个词的作用",
    "words_help": "逐个去掉每个词并重新读取文本;数字是没有它时文本相似度减少的量。"
    "实底标记表示支持,虚线标记表示反对。",
    "in_query": "查询中",
    "in_interests": "所述兴趣中",
    "similarity": "相似度 {value}",
    "items": "历史的作用",
    "items_help": "逐件去掉历史并重新计算;数字是没有它时得分减少的量。",
    "way": "它是怎样来的",
    "proposed": "提名来源:{by}",
    "not_proposed": "没有来源提名:它不是候选。",
    "place": "仅按得分:{count} 个中的第 {place} 位",
    "rule_place": "规则 {rule}:第 {before} 位 → {after}",
    "gone": "已移除",
    "no_report": "此模型包没有报告",
    "no_report_help": "它保存时没有经过评测,因此无法说明好坏。"
    "请评测:corank evaluate {source} --data FOLDER --save",
    "leaks": "此测试有泄漏,数字偏高。",
    "leading": "{metric},{split}:各系统及 95% 区间",
    "plane": "{metric} 与应答耗时",
    "plane_help": "越高越好,越靠右越慢:对一份历史给出十个答案的中位耗时,{ends},对数刻度。",
    "system": "系统",
    "cases": "{count} 个案例",
    "interval": "括号内为 95% 区间(如有)",
    "differences": "corank 减去对方,案例相同",
    "difference": "差值",
    "providers": "各供应方的曝光",
    "providers_help": "曝光占比除以商品占比,列出最多和最少者:1 表示与所有商品同等展示时相同。",
    "provider": "供应方",
    "provider_items": "商品数",
    "how": "评测方式",
    "done": "完成",
}

LANGUAGES = {"en": ENGLISH, "zh-CN": CHINESE, "zh-TW": CHINESE}
PREFIX = "corank_"  # keeps our keys apart from gradio's own


@dataclass(frozen=True)
class Words:
    """The strings of one language."""

    language: str
    strings: dict[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """Return a string with its values filled in; they are text and not escaped here."""
        return self.strings[key].format(**values)

    def counted(self, key: str, count: int, **values: object) -> str:
        """Return ``key_one`` for one thing and ``key`` for any other number of them."""
        return self(f"{key}_one" if count == 1 else key, count=count, **values)


def words_for(accept_language: str) -> Words:
    """Return the words for a browser's Accept-Language header: of its first language.

    Gradio's own labels know Chinese as zh-CN and zh-TW; other tags are answered in English, so
    that a page never mixes the two.
    """
    first = accept_language.split(",")[0].split(";")[0].strip()
    language = first if first in LANGUAGES else "en"
    return Words(language, LANGUAGES[language])


def labels() -> dict[str, dict[str, str]]:
    """Return language -> prefixed key -> string, as ``gradio.I18n`` takes them.

    ``common.complete`` is what gradio says to screen readers and has no string for.
    """
    return {
        language: {
            "common.complete": strings["done"],
            **{PREFIX + key: text for key, text in strings.items()},
        }
        for language, strings in LANGUAGES.items()
    }
